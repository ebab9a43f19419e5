-- Statements name the tenant themselves: a worker may look across tenants, and so would its queries.

-- lock_name -- whoever changes a model of this name waits here until the other has committed
SELECT pg_advisory_xact_lock(hashtextextended('alarm.model ' || registry.current_tenant()::text || %(name)s, 0));

-- insert_model -- the next version of a name
INSERT INTO alarm.model (tenant_id, name, version, card, content, sha256)
SELECT registry.current_tenant(), %(name)s, coalesce(max(version), 0) + 1, %(card)s, %(content)s, %(sha256)s
FROM alarm.model WHERE tenant_id = registry.current_tenant() AND name = %(name)s
RETURNING id;

-- set_state -- one step
UPDATE alarm.model SET state = %(state)s WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- insert_event -- who has done what, and why
INSERT INTO alarm.model_event (tenant_id, model_id, actor_id, action, reason)
VALUES (registry.current_tenant(), %(id)s, %(actor_id)s, %(action)s, %(reason)s);

-- model_by_id -- one of them
SELECT id, name, version, state, card, sha256, created_at FROM alarm.model
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- model_in_state -- the one of a name that is staged or released
SELECT id FROM alarm.model WHERE tenant_id = registry.current_tenant() AND name = %(name)s AND state = %(state)s;

-- replaced_last -- the one that was released before
SELECT m.id FROM alarm.model m
JOIN LATERAL (SELECT id FROM alarm.model_event e WHERE e.tenant_id = m.tenant_id AND e.model_id = m.id
              AND e.action = 'replace' ORDER BY e.id DESC LIMIT 1) replaced ON true
WHERE m.tenant_id = registry.current_tenant() AND m.name = %(name)s AND m.state = 'retired'
ORDER BY replaced.id DESC LIMIT 1;

-- content -- the file
SELECT content, sha256 FROM alarm.model WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- page_of_models -- a page, newest first
SELECT id, name, version, state, card, sha256, created_at FROM alarm.model
WHERE tenant_id = registry.current_tenant() AND (%(name)s::text IS NULL OR name = %(name)s)
  AND created_at <= %(after_time)s AND (created_at < %(after_time)s OR id > %(after_id)s)
ORDER BY created_at DESC, id LIMIT %(limit)s;

-- events -- what was done to one model, newest first
SELECT at, actor_id, action, reason FROM alarm.model_event
WHERE tenant_id = registry.current_tenant() AND model_id = %(id)s ORDER BY id DESC LIMIT 100;
