-- A plant: machines, people, tags, limits, alarms, orders of which one in a hundred is open.

SELECT set_config('app.tenant', %(tenant)s::text, true);

INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%(tenant)s, %(slug)s, %(slug)s);
INSERT INTO registry.site (tenant_id, slug, name) VALUES (%(tenant)s, 'site', 'Site');
INSERT INTO registry.machine_model (tenant_id, slug, name, machine_class) VALUES (%(tenant)s, 'm', 'Model', 'pump');
INSERT INTO registry.person (tenant_id, login, name, password_hash, roles)
SELECT %(tenant)s, %(slug)s || '-' || n, 'Person ' || n, 'none',
       CASE n WHEN 0 THEN ARRAY['planner'] ELSE ARRAY['technician'] END
FROM generate_series(0, 50) AS n;
INSERT INTO registry.session (token_sha256, tenant_id, person_id, expires_at)
SELECT %(token_sha256)s, %(tenant)s, id, now() + interval '1 day' FROM registry.person WHERE login = %(slug)s || '-0';

INSERT INTO registry.machine (tenant_id, slug, name, site_id, model_id)
SELECT %(tenant)s, 'machine-' || to_char(n, 'FM0000'), 'Machine ' || n, site.id, model.id
FROM generate_series(1, %(machines)s) AS n, registry.site AS site, registry.machine_model AS model
WHERE site.tenant_id = %(tenant)s AND model.tenant_id = %(tenant)s;
INSERT INTO registry.tag (tenant_id, machine_id, slug, name, unit, kind)
SELECT %(tenant)s, machine.id, 'tag-' || n, 'Tag ' || n, 'mm/s', 'float'
FROM registry.machine CROSS JOIN generate_series(1, 10) AS n WHERE tenant_id = %(tenant)s;
INSERT INTO alarm.limit_rule (tenant_id, tag_id, kind, threshold, cause)
SELECT %(tenant)s, id, 'high', 7.1, 'cause' FROM registry.tag WHERE slug = 'tag-1' AND tenant_id = %(tenant)s;
INSERT INTO alarm.alarm (tenant_id, machine_id, cause, class, source, model_version, priority, onset_at, score,
                         contributions, active, cleared_at)
SELECT %(tenant)s, machine.id, 'cause-' || n, 'machine', 'limit', 'limit/1', 'high', now(), 1,
       '[{"tag": "tag-1", "share": 1}]', n = 1, CASE n WHEN 1 THEN NULL ELSE now() END
FROM registry.machine CROSS JOIN generate_series(1, 5) AS n WHERE tenant_id = %(tenant)s;

WITH numbered AS (SELECT id, row_number() OVER (ORDER BY slug) - 1 AS place FROM registry.machine
                  WHERE tenant_id = %(tenant)s),
     people AS (SELECT id, row_number() OVER (ORDER BY login) - 1 AS place FROM registry.person
                WHERE tenant_id = %(tenant)s),
     stated AS (
       SELECT n, CASE WHEN n %% 100 <> 0 THEN CASE n %% 30 WHEN 0 THEN 'CANCELLED' ELSE 'CLOSED' END
                      ELSE (ARRAY['NEW', 'ASSIGNED', 'ACCEPTED', 'IN_PROGRESS', 'ON_HOLD', 'DONE'])[n / 100 %% 6 + 1] END AS state
       FROM generate_series(1, %(orders)s) AS n)
INSERT INTO work.work_order (id, tenant_id, no, machine_id, type, priority, state, title, source, source_id, cause,
                             assignee_id, reported_at)
SELECT gen_random_uuid(), %(tenant)s, n, numbered.id, 'corrective', 'high', state, 'Order ' || n, 'person',
       gen_random_uuid(), NULL, people.id, now() - n * interval '5 minutes'
FROM stated
JOIN numbered ON numbered.place = n %% %(machines)s
JOIN people ON people.place = n %% 51;
INSERT INTO work.event (tenant_id, order_id, seq, request_id, action, to_state, actor_name, server_time, hash_prev, hash)
SELECT tenant_id, id, seq, gen_random_uuid(), 'note', state, 'house', now(), '', ''
FROM work.work_order CROSS JOIN generate_series(1, 3) AS seq
WHERE tenant_id = %(tenant)s AND state NOT IN ('CLOSED', 'CANCELLED');
