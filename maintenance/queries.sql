-- Every statement names the tenant itself: a worker may look across tenants, and so would its queries.

-- orders_by_ids -- whole orders, newest first
SELECT o.id, o.tenant_id, o.no, o.machine_id, m.slug AS machine_slug, m.name AS machine_name, m.criticality, o.type, o.priority,
       o.state, o.title, o.source, o.source_id, o.reported_at, o.updated_at, o.cause, o.assignee_id,
       p.name AS assignee_name,
       EXISTS (SELECT FROM alarm.alarm a WHERE a.tenant_id = o.tenant_id AND a.machine_id = o.machine_id
               AND a.cause = o.cause AND a.active) AS alarm_active,
       o.verdict, o.detected_at, o.assigned_at, o.accepted_at, o.arrived_at, o.completed_at, o.verified_at,
       o.closed_at, o.cancelled_at, o.reassign_count, o.rework_count, o.reopen_count, o.version
FROM work.work_order o
JOIN registry.machine m ON m.tenant_id = o.tenant_id AND m.id = o.machine_id
LEFT JOIN registry.person p ON p.tenant_id = o.tenant_id AND p.id = o.assignee_id
WHERE o.tenant_id = registry.current_tenant() AND o.id = ANY (%(ids)s)
ORDER BY o.reported_at DESC, o.id;

-- page_by_state -- a page of ids, one walk of the state index for each state
SELECT o.id
FROM unnest(%(states)s::text[]) AS wanted (state)
CROSS JOIN LATERAL (
  SELECT id, reported_at FROM work.work_order
  WHERE tenant_id = registry.current_tenant() AND state = wanted.state
    AND reported_at <= %(after_time)s AND (reported_at < %(after_time)s OR id > %(after_id)s)
  ORDER BY reported_at DESC, id LIMIT %(limit)s
) o
ORDER BY o.reported_at DESC, o.id LIMIT %(limit)s;

-- page_by_machine -- a page of ids of one machine
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND state = ANY (%(states)s)
  AND (%(assignee_id)s::uuid IS NULL OR assignee_id = %(assignee_id)s)
  AND reported_at <= %(after_time)s AND (reported_at < %(after_time)s OR id > %(after_id)s)
ORDER BY reported_at DESC, id LIMIT %(limit)s;

-- page_by_assignee -- a page of ids of one person
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND assignee_id = %(assignee_id)s AND state = ANY (%(states)s)
  AND reported_at <= %(after_time)s AND (reported_at < %(after_time)s OR id > %(after_id)s)
ORDER BY reported_at DESC, id LIMIT %(limit)s;

-- open_counts -- how much work is open on each machine
SELECT machine_id, count(*) FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND machine_id = ANY (%(machine_ids)s) AND state = ANY (%(open_states)s)
GROUP BY machine_id;

-- orders_of_alarms -- the order that answers each alarm: born from it, or told of it while it was open
SELECT source_id, id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND source = 'alarm' AND source_id = ANY (%(alarm_ids)s)
UNION
SELECT request_id, order_id FROM work.event
WHERE tenant_id = registry.current_tenant() AND action = 'note' AND request_id = ANY (%(alarm_ids)s);

-- lock_machine -- whoever makes orders for this machine waits here until the other has committed
SELECT pg_advisory_xact_lock(hashtextextended('work.machine ' || %(machine_id)s::text, 0));

-- lock_order -- whoever acts on this order waits here until the other has committed
SELECT version FROM work.work_order WHERE tenant_id = registry.current_tenant() AND id = %(id)s FOR UPDATE;

-- order_of_source -- the order that was already made from this alarm, report or request of a person
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND source = %(source)s AND source_id = %(source_id)s;

-- lock_order_of_cause -- the unfinished order of this machine for this failure hypothesis, kept unfinished meanwhile
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND cause = %(cause)s
  AND state NOT IN ('CLOSED', 'CANCELLED')
FOR UPDATE;

-- open_fault_order -- the open order that a report about this machine belongs to
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND source IN ('report', 'alarm')
  AND state = ANY (%(open_states)s)
ORDER BY reported_at DESC, id LIMIT 1;

-- lock_open_fault_order -- the same, kept open until we have written into it
SELECT id FROM work.work_order
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND source IN ('report', 'alarm')
  AND state = ANY (%(open_states)s)
ORDER BY reported_at DESC, id LIMIT 1
FOR UPDATE;

-- machine -- is there such a machine
SELECT slug, name FROM registry.machine WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- next_no -- the next order number of this tenant
INSERT INTO work.counter (tenant_id, last_no) VALUES (registry.current_tenant(), 1)
ON CONFLICT (tenant_id) DO UPDATE SET last_no = work.counter.last_no + 1
RETURNING last_no;

-- insert_order -- a new order, before its first event
INSERT INTO work.work_order (id, tenant_id, no, machine_id, type, priority, state, title, source, source_id, cause,
                             detected_at, reported_at, version)
VALUES (%(id)s, registry.current_tenant(), %(no)s, %(machine_id)s, %(type)s, %(priority)s, 'NEW', %(title)s,
        %(source)s, %(source_id)s, %(cause)s, %(detected_at)s, %(reported_at)s, 1)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- update_order -- the order as its last event has left it
UPDATE work.work_order SET
  state = %(state)s, priority = %(priority)s, assignee_id = %(assignee_id)s, verdict = %(verdict)s,
  assigned_at = %(assigned_at)s, accepted_at = %(accepted_at)s, arrived_at = %(arrived_at)s,
  completed_at = %(completed_at)s, verified_at = %(verified_at)s, closed_at = %(closed_at)s,
  cancelled_at = %(cancelled_at)s, reassign_count = %(reassign_count)s, rework_count = %(rework_count)s,
  reopen_count = %(reopen_count)s, version = %(version)s, updated_at = %(updated_at)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- insert_event -- one more link of the chain
INSERT INTO work.event (tenant_id, order_id, seq, request_id, action, from_state, to_state, actor_id, actor_name,
                        device_time, server_time, reason, data, hash_prev, hash)
VALUES (registry.current_tenant(), %(order_id)s, %(seq)s, %(request_id)s, %(action)s, %(from_state)s, %(to_state)s,
        %(actor_id)s, %(actor_name)s, %(device_time)s, %(server_time)s, %(reason)s, %(data)s, %(hash_prev)s, %(hash)s);

-- last_hash -- the end of the chain
SELECT hash FROM work.event
WHERE tenant_id = registry.current_tenant() AND order_id = %(order_id)s ORDER BY seq DESC LIMIT 1;

-- events_of_order -- everything that happened to an order, first things first
SELECT order_id, seq, request_id, action, from_state, to_state, actor_id, actor_name, server_time, device_time,
       reason, data, hash_prev, hash
FROM work.event WHERE tenant_id = registry.current_tenant() AND order_id = %(order_id)s ORDER BY seq;

-- order_of_request -- which order a request id has already changed
SELECT order_id FROM work.event WHERE tenant_id = registry.current_tenant() AND request_id = %(request_id)s;

-- candidate -- a person who can be given work, unless their login is disabled
SELECT p.id, p.name, p.roles FROM registry.person p
WHERE p.tenant_id = registry.current_tenant() AND p.id = %(id)s AND p.disabled_at IS NULL;

-- candidates -- every active technician with their open orders
SELECT p.id, p.name, p.roles, count(o.id) AS open_orders
FROM registry.person p
LEFT JOIN work.work_order o ON o.tenant_id = p.tenant_id AND o.assignee_id = p.id AND o.state = ANY (%(open_states)s)
WHERE p.tenant_id = registry.current_tenant() AND p.disabled_at IS NULL AND 'technician' = ANY (p.roles)
GROUP BY p.id, p.name, p.roles;

-- label_of_machine -- is this the token or the short code of a valid label of the machine
SELECT id FROM registry.label
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND revoked_at IS NULL
  AND (token = %(scanned)s OR short_code = upper(%(scanned)s));

-- insert_label -- what the person found, for the detector to learn from
INSERT INTO alarm.label (tenant_id, alarm_id, order_id, verdict, by_id)
VALUES (registry.current_tenant(), %(alarm_id)s, %(order_id)s, %(verdict)s, %(by_id)s)
ON CONFLICT (tenant_id, alarm_id, order_id)
DO UPDATE SET verdict = excluded.verdict, by_id = excluded.by_id, at = excluded.at;

-- insert_report -- a report, once
INSERT INTO work.request (id, tenant_id, machine_id, label_id, symptom, text, reporter, language, device_time)
VALUES (%(id)s, registry.current_tenant(), %(machine_id)s, %(label_id)s, %(symptom)s, %(text)s, %(reporter)s,
        %(language)s, %(device_time)s)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- settle_report -- where the report went
UPDATE work.request SET state = %(state)s, order_id = %(order_id)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- reports_by_ids -- reports with the order each one went to
SELECT r.id, r.machine_id, r.symptom, r.text, r.reporter, r.language, r.state, r.reported_at, r.device_time,
       r.order_id, o.no AS order_no, o.state AS order_state
FROM work.request r
LEFT JOIN work.work_order o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
WHERE r.tenant_id = registry.current_tenant() AND r.id = ANY (%(ids)s);

-- insert_attachment -- a photo or a recording of a report
INSERT INTO work.attachment (id, tenant_id, request_id, kind, content_type, sha256, content)
VALUES (%(id)s, registry.current_tenant(), %(report_id)s, %(kind)s, %(content_type)s, %(sha256)s, %(content)s);

-- attachments_of_order -- photos and recordings of the order and of every report that went to it
SELECT a.id, a.kind, a.content_type, a.sha256, a.created_at, a.request_id AS report_id FROM work.attachment a
WHERE a.tenant_id = registry.current_tenant() AND a.order_id = %(order_id)s
UNION ALL
SELECT a.id, a.kind, a.content_type, a.sha256, a.created_at, a.request_id FROM work.request r
JOIN work.attachment a ON a.tenant_id = r.tenant_id AND a.request_id = r.id
WHERE r.tenant_id = registry.current_tenant() AND r.order_id = %(order_id)s
ORDER BY created_at, id;

-- attachment_content -- one photo or recording
SELECT content_type, content FROM work.attachment WHERE tenant_id = registry.current_tenant() AND id = %(id)s;
