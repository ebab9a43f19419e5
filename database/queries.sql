-- SQL of database/pool.py and database/outbox.py.

-- set_tenant -- whose rows this transaction sees
SELECT set_config('app.tenant', %(tenant_id)s, true);

-- privileges -- what this role, or a role it may become, has beyond granted rights
SELECT current_user,
       coalesce(bool_or(rolsuper), false)     AS superuser,
       coalesce(bool_or(rolbypassrls), false) AS bypasses_rls,
       coalesce(bool_or(EXISTS (
         SELECT FROM pg_shdepend
         WHERE refclassid = 'pg_authid'::regclass AND refobjid = pg_roles.oid AND deptype = 'o'
           AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
       )), false)                             AS owns_something
FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER');

-- write_event -- once for each consumer; a key that still waits is not written again
INSERT INTO audit.outbox (tenant_id, consumer, topic, key, payload)
SELECT %(tenant_id)s, consumer, %(topic)s, %(key)s, %(payload)s FROM unnest(%(consumers)s::text[]) AS consumer
ON CONFLICT DO NOTHING;

-- take_event -- the oldest due event that no other consumer is busy with
SELECT id, tenant_id, topic, key, payload, attempts, created_at FROM audit.outbox
WHERE consumer = %(consumer)s AND not_before <= now()
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- finish_event -- it was handled, in this transaction
DELETE FROM audit.outbox WHERE id = %(id)s;

-- postpone_event -- it failed: again after 1, 2, 4, … s, at most 10 minutes, with jitter
UPDATE audit.outbox SET attempts = attempts + 1,
  not_before = now() + least(600, power(2, least(attempts, 10))) * (0.5 + random() / 2) * interval '1 second'
WHERE id = %(id)s;

-- next_due_s -- seconds until an event is due; NULL when none waits
SELECT extract(epoch FROM min(not_before) - now())::float8 FROM audit.outbox WHERE consumer = %(consumer)s;
