-- find_tenant -- by slug, across tenants
SELECT tenant_id FROM registry.tenant WHERE slug = %(slug)s;

-- series -- every series of the fleet, with its gateway and tag by number, as the names of the plan have them
SELECT tag.series_id, right(machine.slug, %(digits)s)::int AS gateway, right(tag.slug, %(digits)s)::int AS tag
FROM registry.tag JOIN registry.machine ON machine.tenant_id = tag.tenant_id AND machine.id = tag.machine_id
WHERE tag.tenant_id = registry.current_tenant()
ORDER BY gateway, tag;

-- many_series -- the planner takes thousands of series in hot rows for a few, and would look for each of them
SET LOCAL enable_nestloop = off;

-- samples -- what every reader sees of some series in a period, as arrays in their binary form; a missing value is NaN
SELECT series_id, array_send(array_agg(time)) AS times, array_send(array_agg(coalesce(value, 'NaN'))) AS values,
       array_send(array_agg(quality)) AS codes
FROM telemetry.samples(%(series)s::int[], %(since)s, %(until)s)
GROUP BY series_id;

-- sums -- the same in brief, from rollups wherever there are some
SELECT series_id, sum(n)::bigint AS good, sum(bad)::bigint AS bad, coalesce(sum(mean * n), 0) AS total
FROM telemetry.rollups(%(series)s::int[], %(since)s, %(until)s, 3600)
GROUP BY series_id;

-- outside -- samples of these series from before or after what the plan speaks of
SELECT count(*) FROM (
  SELECT FROM telemetry.samples(%(series)s::int[], '-infinity', %(since)s)
  UNION ALL
  SELECT FROM telemetry.samples(%(series)s::int[], %(until)s, 'infinity')
) AS strange;

-- set_aside -- payloads of the tenant that were refused, and samples that could not be stored as they were
WITH ours AS (SELECT id FROM registry.gateway WHERE tenant_id = registry.current_tenant())
SELECT (SELECT count(*) FROM telemetry.dead_letter WHERE gateway_id IN (SELECT id FROM ours)) AS dead_letters,
       (SELECT count(*) FROM telemetry.quarantine WHERE gateway_id IN (SELECT id FROM ours)) AS quarantined;
