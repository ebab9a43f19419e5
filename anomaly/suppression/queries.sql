-- Statements name the tenant themselves: a worker may look across tenants, and so would its queries.

-- stop_of -- a planned stop of this machine, or of one that it needs, that covers a moment
WITH RECURSIVE above (id) AS (
  SELECT %(machine_id)s::uuid
  UNION
  SELECT d.parent_id FROM above
  JOIN registry.dependency d ON d.tenant_id = registry.current_tenant() AND d.machine_id = above.id
)
SELECT stop.id FROM above CROSS JOIN LATERAL (
  SELECT id FROM alarm.planned_stop
  WHERE tenant_id = registry.current_tenant() AND machine_id = above.id
    AND starts_at <= %(onset_at)s AND coalesce(ends_at, 'infinity') > %(onset_at)s
  ORDER BY starts_at DESC LIMIT 1
) stop LIMIT 1;

-- parent_of -- an alarm of a machine above, that began shortly before and has not returned when this one began
WITH RECURSIVE above (id, within_s, causes, depth) AS (
  SELECT parent_id, within_s, causes, 1 FROM registry.dependency
  WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s
  UNION
  SELECT d.parent_id, above.within_s + d.within_s, d.causes, depth + 1 FROM above
  JOIN registry.dependency d ON d.tenant_id = registry.current_tenant() AND d.machine_id = above.id
  WHERE depth < 8
)
SELECT parent.id FROM above
JOIN alarm.alarm parent ON parent.tenant_id = registry.current_tenant() AND parent.machine_id = above.id
WHERE above.id <> %(machine_id)s
  AND parent.onset_at BETWEEN %(onset_at)s - above.within_s * interval '1 s' AND %(onset_at)s + %(slack)s
  AND parent.priority <> 'advisory' AND parent.suppressed_by IS DISTINCT FROM 'pattern'
  AND (above.causes IS NULL OR parent.cause = ANY (above.causes))
  AND (parent.active OR parent.cleared_at >= %(onset_at)s)
ORDER BY parent.onset_at LIMIT 1;

-- children_of -- active alarms of the machines below, which this one explains although they were told first
WITH RECURSIVE below (id, within_s, causes, depth) AS (
  SELECT machine_id, within_s, causes, 1 FROM registry.dependency
  WHERE tenant_id = registry.current_tenant() AND parent_id = %(machine_id)s
  UNION
  SELECT d.machine_id, below.within_s + d.within_s, below.causes, depth + 1 FROM below
  JOIN registry.dependency d ON d.tenant_id = registry.current_tenant() AND d.parent_id = below.id
  WHERE depth < 8
)
SELECT child.id FROM below
JOIN alarm.alarm child ON child.tenant_id = registry.current_tenant() AND child.machine_id = below.id AND child.active
WHERE below.id <> %(machine_id)s AND child.suppression = 'none' AND coalesce(child.asked, child.priority) <> 'critical'
  AND child.onset_at BETWEEN %(onset_at)s - %(slack)s AND %(onset_at)s + below.within_s * interval '1 s'
  AND (below.causes IS NULL OR %(cause)s = ANY (below.causes));

-- over -- active alarms whose reason to be silent is gone, of all tenants
SELECT a.tenant_id, a.id FROM alarm.alarm a
WHERE a.suppression = 'by_design' AND a.active AND CASE a.suppressed_by
  WHEN 'planned_stop' THEN NOT EXISTS (
    SELECT FROM alarm.planned_stop stop WHERE stop.tenant_id = a.tenant_id AND stop.id = a.suppressed_by_id
      AND coalesce(stop.ends_at, 'infinity') > now())
  WHEN 'parent' THEN NOT EXISTS (
    SELECT FROM alarm.alarm parent WHERE parent.tenant_id = a.tenant_id AND parent.id = a.suppressed_by_id
      AND (parent.active OR parent.cleared_at > now() - %(settles)s))
  WHEN 'pattern' THEN NOT EXISTS (
    SELECT FROM alarm.false_pattern pattern WHERE pattern.tenant_id = a.tenant_id AND pattern.id = a.suppressed_by_id
      AND pattern.expires_at > now() AND pattern.revoked_at IS NULL)
  ELSE true END;

-- grown_up -- active alarms that are silent as a pattern and have had the time to grow into it, of all tenants
SELECT tenant_id, id FROM alarm.alarm
WHERE suppression = 'by_design' AND active AND suppressed_by = 'pattern' AND raised_at < now() - %(grows_for)s;

-- plan_stop -- once, however often it is sent
INSERT INTO alarm.planned_stop (id, tenant_id, machine_id, starts_at, ends_at, reason, by_id)
VALUES (%(id)s, registry.current_tenant(), %(machine_id)s, %(starts_at)s, %(ends_at)s, %(reason)s, %(by_id)s)
ON CONFLICT (id) DO NOTHING;

-- end_stop -- now, unless it is over already
UPDATE alarm.planned_stop SET ends_at = greatest(now(), starts_at), ended_by = %(actor_id)s
WHERE tenant_id = registry.current_tenant() AND id = %(id)s AND coalesce(ends_at, 'infinity') > now();

-- stop_by_id -- one of them
SELECT s.id, s.machine_id, m.slug AS machine_slug, m.name AS machine_name, s.starts_at, s.ends_at, s.reason, s.by_id,
       s.created_at, s.ended_by
FROM alarm.planned_stop s JOIN registry.machine m ON m.tenant_id = s.tenant_id AND m.id = s.machine_id
WHERE s.tenant_id = registry.current_tenant() AND s.id = %(id)s;

-- page_of_stops -- a page, last begun first
SELECT s.id, s.machine_id, m.slug AS machine_slug, m.name AS machine_name, s.starts_at, s.ends_at, s.reason, s.by_id,
       s.created_at, s.ended_by
FROM alarm.planned_stop s JOIN registry.machine m ON m.tenant_id = s.tenant_id AND m.id = s.machine_id
WHERE s.tenant_id = registry.current_tenant()
  AND s.starts_at <= %(after_time)s AND (s.starts_at < %(after_time)s OR s.id > %(after_id)s)
ORDER BY s.starts_at DESC, s.id LIMIT %(limit)s;

-- add_dependency -- a machine needs another
INSERT INTO registry.dependency (tenant_id, machine_id, parent_id, within_s, causes, note)
VALUES (registry.current_tenant(), %(machine_id)s, %(parent_id)s, %(within_s)s, %(causes)s, %(note)s)
ON CONFLICT (tenant_id, machine_id, parent_id) DO NOTHING
RETURNING id;

-- remove_dependency -- it does not any more
DELETE FROM registry.dependency WHERE tenant_id = registry.current_tenant() AND id = %(id)s;

-- dependencies -- all of them
SELECT d.id, d.machine_id, child.slug AS machine_slug, child.name AS machine_name,
       d.parent_id, parent.slug AS parent_slug, parent.name AS parent_name, d.within_s, d.causes, d.note
FROM registry.dependency d
JOIN registry.machine child ON child.tenant_id = d.tenant_id AND child.id = d.machine_id
JOIN registry.machine parent ON parent.tenant_id = d.tenant_id AND parent.id = d.parent_id
WHERE d.tenant_id = registry.current_tenant() ORDER BY child.slug, parent.slug;

-- lock_dependencies -- one at a time, so that no two changes close a circle together
SELECT pg_advisory_xact_lock(hashtextextended('registry.dependency ' || registry.current_tenant()::text, 0));

-- needs -- whether a machine needs another, directly or not
WITH RECURSIVE above (id) AS (
  SELECT parent_id FROM registry.dependency WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s
  UNION
  SELECT d.parent_id FROM above
  JOIN registry.dependency d ON d.tenant_id = registry.current_tenant() AND d.machine_id = above.id
)
SELECT id FROM above WHERE id = %(needed_id)s;
