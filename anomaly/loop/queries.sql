-- Statements name the tenant themselves: a worker may look across tenants, and so would its queries.

-- class_of_machine -- which class of machines it belongs to
SELECT coalesce(model.machine_class, 'other') FROM registry.machine
LEFT JOIN registry.machine_model model ON model.tenant_id = machine.tenant_id AND model.id = machine.model_id
WHERE machine.tenant_id = registry.current_tenant() AND machine.id = %(machine_id)s;

-- standing_of -- how loudly a rule may speak; no row: as it began
SELECT id, source, model_version, cause, machine_class, standing, priority, counts_from, since FROM alarm.standing
WHERE tenant_id = registry.current_tenant() AND source = %(source)s AND model_version = %(model_version)s
  AND cause = %(cause)s AND machine_class = %(machine_class)s;

-- standings -- of all rules that were ever decided about
SELECT id, source, model_version, cause, machine_class, standing, priority, counts_from, since FROM alarm.standing
WHERE tenant_id = registry.current_tenant() ORDER BY source, cause, machine_class, model_version;

-- lock_standing -- whoever decides about this rule waits here until the other has committed
SELECT id, source, model_version, cause, machine_class, standing, priority, counts_from, since FROM alarm.standing
WHERE tenant_id = registry.current_tenant() AND id = %(id)s FOR UPDATE;

-- begin_standing -- the row of a rule, made when there is none
INSERT INTO alarm.standing (tenant_id, source, model_version, cause, machine_class, standing)
VALUES (registry.current_tenant(), %(source)s, %(model_version)s, %(cause)s, %(machine_class)s, %(standing)s)
ON CONFLICT (tenant_id, source, model_version, cause, machine_class) DO NOTHING;

-- change_standing -- decided; `counts_from` stays when the record decided
UPDATE alarm.standing SET standing = %(standing)s, counts_from = coalesce(%(counts_from)s, counts_from), since = now()
WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- insert_standing_event -- what was decided, by whom, and why
INSERT INTO alarm.standing_event (tenant_id, standing_id, actor_id, standing, reason)
VALUES (registry.current_tenant(), %(standing_id)s, %(actor_id)s, %(standing)s, %(reason)s)
RETURNING id, tenant_id;

-- standing_events -- the decisions about one rule, newest first
SELECT at, actor_id, standing, reason FROM alarm.standing_event
WHERE tenant_id = registry.current_tenant() AND standing_id = %(standing_id)s ORDER BY id DESC LIMIT 100;

-- insert_label -- a verdict on an alarm that made no order; the later one counts
INSERT INTO alarm.label (tenant_id, alarm_id, order_id, verdict, by_id)
VALUES (registry.current_tenant(), %(alarm_id)s, NULL, %(verdict)s, %(by_id)s)
ON CONFLICT (tenant_id, alarm_id) WHERE order_id IS NULL
DO UPDATE SET verdict = excluded.verdict, by_id = excluded.by_id, at = excluded.at;

-- newest_verdicts -- of a rule: class of the alarm and what was found, newest first, an alarm once
SELECT class, verdict FROM alarm.label
WHERE tenant_id = registry.current_tenant() AND source = %(source)s AND model_version = %(model_version)s
  AND cause = %(cause)s AND machine_class = %(machine_class)s AND verdict <> 'not_inspected'
  AND (%(counts_from)s::timestamptz IS NULL OR at > %(counts_from)s)
  AND NOT EXISTS (SELECT FROM alarm.label later WHERE later.tenant_id = label.tenant_id
                  AND later.alarm_id = label.alarm_id AND (later.at, later.id) > (label.at, label.id))
ORDER BY at DESC LIMIT %(window)s;

-- tallies -- how often each verdict was given since a moment, an alarm once
SELECT source, model_version, cause, machine_class, class, verdict, count(*)::int FROM (
  SELECT DISTINCT ON (alarm_id) source, model_version, cause, machine_class, class, verdict FROM alarm.label
  WHERE tenant_id = registry.current_tenant() AND at >= %(since)s
  ORDER BY alarm_id, at DESC, id DESC
) newest
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;

-- tenants -- every tenant there is
SELECT tenant_id FROM registry.tenant ORDER BY tenant_id;

-- evaluated_days -- the tenants whose evaluation of this day is written
SELECT tenant_id FROM alarm.evaluation WHERE day = %(day)s;

-- begin_evaluation -- nothing comes back when somebody has done this day
INSERT INTO alarm.evaluation (tenant_id, day, worker) VALUES (registry.current_tenant(), %(day)s, %(worker)s)
ON CONFLICT (tenant_id, day) DO NOTHING RETURNING day;

-- finish_evaluation -- its sums
UPDATE alarm.evaluation SET counted = %(counted)s, right_ones = %(right)s, not_inspected = %(not_inspected)s
WHERE tenant_id = registry.current_tenant() AND day = %(day)s;

-- insert_evaluated_rule -- one rule of it
INSERT INTO alarm.evaluated_rule (tenant_id, day, source, model_version, cause, machine_class, counted, right_ones,
                                  not_inspected, standing)
VALUES (registry.current_tenant(), %(day)s, %(source)s, %(model_version)s, %(cause)s, %(machine_class)s, %(counted)s,
        %(right)s, %(not_inspected)s, %(standing)s);

-- evaluations -- a page of days, newest first
SELECT day, at, worker, counted, right_ones, not_inspected FROM alarm.evaluation
WHERE tenant_id = registry.current_tenant() AND day < coalesce(%(before)s::date, 'infinity')
ORDER BY day DESC LIMIT %(limit)s;

-- evaluated_rules -- the rules of some days
SELECT day, source, model_version, cause, machine_class, counted, right_ones, not_inspected, standing
FROM alarm.evaluated_rule WHERE tenant_id = registry.current_tenant() AND day = ANY (%(days)s)
ORDER BY source, cause, machine_class, model_version;

-- put_pattern -- of an alarm that a person called false; said again, it begins anew
INSERT INTO alarm.false_pattern (tenant_id, alarm_id, machine_id, cause, mode, tags, shares, score, expires_at)
VALUES (registry.current_tenant(), %(alarm_id)s, %(machine_id)s, %(cause)s, %(mode)s, %(tags)s, %(shares)s,
        %(score)s, %(expires_at)s)
ON CONFLICT (tenant_id, alarm_id) DO UPDATE
SET mode = excluded.mode, tags = excluded.tags, shares = excluded.shares,
    score = excluded.score, created_at = now(), expires_at = excluded.expires_at, revoked_at = NULL, revoked_by = NULL;

-- take_back_pattern -- the alarm turned out to be something else
UPDATE alarm.false_pattern SET revoked_at = now()
WHERE tenant_id = registry.current_tenant() AND alarm_id = %(alarm_id)s AND revoked_at IS NULL;

-- revoke_pattern -- a person wants to hear of it again
UPDATE alarm.false_pattern SET revoked_at = now(), revoked_by = %(actor_id)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s AND revoked_at IS NULL;

-- patterns_of_cause -- what is silent on a machine now
SELECT id, mode, tags, shares, score FROM alarm.false_pattern
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND cause = %(cause)s
  AND expires_at > now() AND revoked_at IS NULL;

-- page_of_patterns -- patterns, newest first, with how often each was silent since
SELECT p.id, p.alarm_id, p.machine_id, m.slug AS machine_slug, m.name AS machine_name, p.cause, p.mode, p.tags,
       p.shares, p.created_at, p.expires_at, p.revoked_at,
       (SELECT count(*) FROM alarm.alarm a
        WHERE a.tenant_id = p.tenant_id AND a.suppressed_by_id = p.id)::int AS silenced
FROM alarm.false_pattern p
JOIN registry.machine m ON m.tenant_id = p.tenant_id AND m.id = p.machine_id
WHERE p.tenant_id = registry.current_tenant()
  AND p.created_at <= %(after_time)s AND (p.created_at < %(after_time)s OR p.id > %(after_id)s)
ORDER BY p.created_at DESC, p.id LIMIT %(limit)s;

-- pattern_by_id -- one of them
SELECT p.id, p.alarm_id, p.machine_id, m.slug AS machine_slug, m.name AS machine_name, p.cause, p.mode, p.tags,
       p.shares, p.created_at, p.expires_at, p.revoked_at,
       (SELECT count(*) FROM alarm.alarm a
        WHERE a.tenant_id = p.tenant_id AND a.suppressed_by_id = p.id)::int AS silenced
FROM alarm.false_pattern p
JOIN registry.machine m ON m.tenant_id = p.tenant_id AND m.id = p.machine_id
WHERE p.tenant_id = registry.current_tenant() AND p.id = %(id)s;

-- series_of_tags -- numbers of some tags of a machine
SELECT slug, series_id FROM registry.tag
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND slug = ANY (%(slugs)s)
  AND kind <> 'text';
