-- told -- alarms that asked somebody, raised in a period or still there when it began
WITH asked AS MATERIALIZED (
  SELECT machine_id, cause, priority, raised_at, cleared_at FROM alarm.alarm
  WHERE tenant_id = registry.current_tenant() AND raised_at >= %(since)s AND raised_at < %(until)s
    AND priority <> 'advisory' AND suppression <> 'by_design'
  UNION ALL
  SELECT machine_id, cause, priority, raised_at, cleared_at FROM alarm.alarm
  WHERE tenant_id = registry.current_tenant() AND active AND raised_at < %(since)s
    AND priority <> 'advisory' AND suppression <> 'by_design'
  LIMIT %(most)s
)
SELECT m.slug AS machine, asked.cause, asked.priority, asked.raised_at, asked.cleared_at
FROM asked JOIN registry.machine m ON m.tenant_id = registry.current_tenant() AND m.id = asked.machine_id
WHERE %(site_id)s::uuid IS NULL OR m.site_id = %(site_id)s;
