-- steps -- a period from rollups, several to a step
-- A mean is cut at ±1e290: one absurd value (a wrong word order makes such) must not overflow a whole chart.
SELECT series_id, floor(extract(epoch FROM t0) / %(step_s)s)::float8 * %(step_s)s * 1000 AS at_ms,
       sum(n * least(greatest(mean, -1e290), 1e290)) / nullif(sum(n), 0) AS mean, min(low) AS low, max(high) AS high,
       sum(n)::int8 AS n, sum(bad)::int8 AS bad
FROM telemetry.rollups(%(series)s::int[], %(since)s, %(until)s, %(rollup_s)s::int)
GROUP BY 1, 2 ORDER BY 1, 2;

-- samples -- a period from its samples: points (single samples if they are few enough) and the edges of what is BAD
WITH picked AS MATERIALIZED (
  SELECT series_id, extract(epoch FROM time)::float8 AS at_s, value, quality::int AS code
  FROM telemetry.samples(%(series)s::int[], %(since)s, %(until)s)
), longest AS (
  SELECT coalesce(max(n), 0) AS n FROM (SELECT count(*) AS n FROM picked WHERE value IS NOT NULL GROUP BY series_id) AS each
), points AS (
  SELECT series_id,
         CASE WHEN (SELECT n FROM longest) <= %(points)s THEN at_s ELSE floor(at_s / %(step_s)s) * %(step_s)s END AS at_s,
         sum(least(greatest(value, -1e290), 1e290)) / count(*) AS mean, min(value) AS low, max(value) AS high
  FROM picked WHERE value IS NOT NULL GROUP BY 1, 2
), walked AS (
  SELECT series_id, at_s, code, lag(code) OVER (PARTITION BY series_id ORDER BY at_s) AS before FROM picked
  WHERE series_id IN (SELECT series_id FROM picked WHERE code >> 8 >= 2)  -- most series have nothing to sort here
)
SELECT series_id, at_s * 1000 AS at_ms, mean, low, high, NULL::int AS code, (SELECT n FROM longest) AS longest FROM points
UNION ALL
SELECT series_id, at_s * 1000, NULL, NULL, NULL, code, (SELECT n FROM longest) FROM walked
WHERE (code >> 8 >= 2 OR before >> 8 >= 2) AND code IS DISTINCT FROM before
ORDER BY series_id, at_ms;

-- bad_edges -- in some spans, every sample with which a bad stretch begins, changes its reason or ends
SELECT series_id, at_ms, code FROM (
  SELECT s.series_id, extract(epoch FROM s.time)::float8 * 1000 AS at_ms, s.quality::int AS code,
         lag(s.quality::int) OVER (PARTITION BY span.place ORDER BY s.time) AS before
  FROM unnest(%(of)s::int[], %(firsts)s::timestamptz[], %(ends)s::timestamptz[])
    WITH ORDINALITY AS span (series_id, since, until, place)
  CROSS JOIN LATERAL telemetry.samples(ARRAY[span.series_id], span.since, span.until) AS s
) AS walked
WHERE (code >> 8 >= 2 OR before >> 8 >= 2) AND code IS DISTINCT FROM before
ORDER BY series_id, at_ms;

-- first_texts -- of each series the first of a period, at most so many
SELECT series_id, extract(epoch FROM time)::float8 * 1000 AS at_ms, value, quality::int AS code
FROM telemetry.first_texts(%(series)s::int[], %(since)s, %(until)s, %(most)s::int) ORDER BY series_id, time;

-- text_steps -- of each series the last of each step
SELECT series_id, extract(epoch FROM time)::float8 * 1000 AS at_ms, value, quality::int AS code
FROM telemetry.last_texts(%(series)s::int[], %(since)s, %(until)s, %(step_s)s::int) ORDER BY series_id, time;

-- newest_samples -- the newest number of each series in the last while
SELECT series_id, time, value, quality
FROM telemetry.newest(%(series)s::int[], now() - %(within)s, now() + interval '10 minutes');

-- newest_texts -- the newest text of each series in the last while
SELECT series_id, time, value, quality
FROM telemetry.newest_texts(%(series)s::int[], now() - %(within)s, now() + interval '10 minutes');
