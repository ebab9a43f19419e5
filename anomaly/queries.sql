-- Statements about alarms name the tenant themselves: a worker may look across tenants, and so would its queries.

-- alarms_by_ids -- whole alarms, last raised first
SELECT a.id, a.tenant_id, a.machine_id, m.slug AS machine_slug, m.name AS machine_name, a.cause, a.class, a.source,
       a.model_version, a.priority, coalesce(a.asked, a.priority) AS asked, a.onset_at, a.raised_at, a.cleared_at,
       a.active, a.acked, a.latched, a.suppression, a.suppressed_until,
       CASE WHEN a.suppression = 'by_design' THEN a.suppressed_by END AS suppressed_by,
       CASE WHEN a.suppression = 'by_design' THEN a.suppressed_by_id END AS suppressed_by_id,
       a.mode, a.score, a.contributions
FROM alarm.alarm a
JOIN registry.machine m ON m.tenant_id = a.tenant_id AND m.id = a.machine_id
WHERE a.tenant_id = registry.current_tenant() AND a.id = ANY (%(ids)s)
ORDER BY a.raised_at DESC, a.id;

-- page_of_alarms -- a page of ids
SELECT id FROM alarm.alarm
WHERE tenant_id = registry.current_tenant() AND (%(machine_id)s::uuid IS NULL OR machine_id = %(machine_id)s)
  AND raised_at <= %(after_time)s AND (raised_at < %(after_time)s OR id > %(after_id)s)
ORDER BY raised_at DESC, id LIMIT %(limit)s;

-- page_of_active_alarms -- the same of those that are active
SELECT id FROM alarm.alarm
WHERE tenant_id = registry.current_tenant() AND (%(machine_id)s::uuid IS NULL OR machine_id = %(machine_id)s) AND active
  AND raised_at <= %(after_time)s AND (raised_at < %(after_time)s OR id > %(after_id)s)
ORDER BY raised_at DESC, id LIMIT %(limit)s;

-- active_counts -- how many alarms are active on each machine and not silent by design
SELECT machine_id, count(*) FROM alarm.alarm
WHERE tenant_id = registry.current_tenant() AND machine_id = ANY (%(machine_ids)s) AND active
  AND suppression <> 'by_design'
GROUP BY machine_id;

-- limits_of_tags -- the limits that are switched on
SELECT tag_id, kind, threshold FROM alarm.limit_rule
WHERE tenant_id = registry.current_tenant() AND tag_id = ANY (%(tag_ids)s) AND enabled;

-- evidence -- what was frozen when the alarm was raised
SELECT alarm_id, frozen_at, snapshot, sha256 FROM alarm.evidence
WHERE tenant_id = registry.current_tenant() AND alarm_id = %(alarm_id)s;

-- lock_alarm -- whoever changes this alarm waits here until the other has committed
SELECT id FROM alarm.alarm WHERE tenant_id = registry.current_tenant() AND id = %(id)s FOR UPDATE;

-- active_alarm -- the one case of this cause on this machine
SELECT id FROM alarm.alarm
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND cause = %(cause)s AND active
FOR UPDATE;

-- shelf_of_cause -- an earlier alarm of this cause was put aside, and that has not run out
SELECT suppression, suppressed_until FROM alarm.alarm
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND cause = %(cause)s
  AND suppression IN ('shelved', 'out_of_service') AND suppressed_until > now()
ORDER BY raised_at DESC LIMIT 1;

-- insert_alarm -- a new case; nothing comes back when there is one already
INSERT INTO alarm.alarm (id, tenant_id, machine_id, cause, class, source, model_version, priority, asked, onset_at,
                         suppression, suppressed_until, suppressed_by, suppressed_by_id, mode, score, contributions)
VALUES (%(id)s, registry.current_tenant(), %(machine_id)s, %(cause)s, %(kind)s, %(source)s, %(model_version)s,
        %(priority)s, %(asked)s, %(onset_at)s, %(suppression)s, %(suppressed_until)s, %(suppressed_by)s,
        %(suppressed_by_id)s, %(mode)s, %(score)s, %(contributions)s)
ON CONFLICT (tenant_id, machine_id, cause) WHERE active DO NOTHING
RETURNING id;

-- grow_alarm -- another tag has joined, or it became more urgent; then it has to be looked at again
UPDATE alarm.alarm SET contributions = %(contributions)s, score = %(score)s, source = %(source)s, asked = %(asked)s,
  acked = acked AND priority = %(priority)s, priority = %(priority)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- clear_alarm -- its condition is over
UPDATE alarm.alarm SET active = false, cleared_at = %(cleared_at)s, latched = %(latched)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- update_facts -- what people may change
UPDATE alarm.alarm SET acked = %(acked)s, suppression = %(suppression)s, suppressed_until = %(suppressed_until)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- suppress_alarm -- silent by design, and why
UPDATE alarm.alarm SET suppression = 'by_design', suppressed_until = NULL, suppressed_by = %(kind)s,
  suppressed_by_id = %(reason_id)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- insert_event -- what happened, and who did it
INSERT INTO alarm.event (tenant_id, alarm_id, actor_id, action, detail)
VALUES (registry.current_tenant(), %(alarm_id)s, %(actor_id)s, %(action)s, %(detail)s);

-- insert_evidence -- once, for ever
INSERT INTO alarm.evidence (alarm_id, tenant_id, snapshot, sha256)
VALUES (%(alarm_id)s, registry.current_tenant(), %(snapshot)s, %(sha256)s);

-- samples -- what is stored of some series
SELECT series_id, (extract(epoch FROM time) * 1000)::int8 AS time_ms, value, quality
FROM telemetry.samples(%(series)s, %(since)s, %(until)s) ORDER BY series_id, time;

-- rules -- every limit that is switched on, of all tenants
SELECT r.id::text AS key, t.tenant_id, t.machine_id, t.series_id, r.kind, r.threshold, r.deadband, r.on_delay_s,
       r.off_delay_s, r.cause, r.priority
FROM alarm.limit_rule r JOIN registry.tag t ON t.tenant_id = r.tenant_id AND t.id = r.tag_id
WHERE r.enabled;

-- machines_of_series -- whose samples these are, across tenants
SELECT DISTINCT tag.tenant_id, tag.machine_id, machine.slug FROM registry.tag
JOIN registry.machine ON machine.tenant_id = tag.tenant_id AND machine.id = tag.machine_id
WHERE tag.series_id = ANY (%(series)s);

-- tags_of_machine -- all that is measured on it
SELECT series_id AS series, slug, name, unit, kind FROM registry.tag
WHERE tenant_id = %(tenant_id)s AND machine_id = %(machine_id)s;

-- series_of_names -- of a source that names its tags itself
SELECT machine.slug, tag.slug, tag.series_id
FROM registry.tenant
JOIN registry.machine ON machine.tenant_id = tenant.tenant_id AND machine.slug = ANY (%(machines)s)
JOIN registry.tag ON tag.tenant_id = machine.tenant_id AND tag.machine_id = machine.id
WHERE tenant.slug = %(tenant)s;

-- active_alarms -- what is active on a machine
SELECT cause, source, coalesce(asked, priority) AS priority,
       (extract(epoch FROM onset_at) * 1000000)::int8 * 1000 AS onset_ns, score,
       ARRAY (SELECT part->>'tag' FROM jsonb_array_elements(contributions) AS part) AS tags
FROM alarm.alarm WHERE tenant_id = %(tenant_id)s AND machine_id = %(machine_id)s AND active;

-- load_states -- what the detectors of a machine have learned
SELECT detector, state FROM alarm.detector_state
WHERE tenant_id = %(tenant_id)s AND machine_id = %(machine_id)s
  AND (detector, version) IN (SELECT * FROM unnest(%(detectors)s::text[], %(versions)s::text[]));

-- save_state -- the newest replaces the one before
INSERT INTO alarm.detector_state (tenant_id, machine_id, detector, version, state)
VALUES (registry.current_tenant(), %(machine_id)s, %(detector)s, %(version)s, %(state)s)
ON CONFLICT (tenant_id, machine_id, detector)
DO UPDATE SET version = excluded.version, state = excluded.state, saved_at = now();

-- run_out -- shelvings and times out of service that are over, of all tenants
SELECT tenant_id, id, suppression FROM alarm.alarm
WHERE suppression IN ('shelved', 'out_of_service') AND suppressed_until <= now();
