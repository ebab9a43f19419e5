-- Hot partitions are gone before anybody analyses them, so the planner takes their BRIN for useless as soon as a question
-- has more than one series. It is not: groups are written in the order of series.
ALTER FUNCTION telemetry.samples SET enable_seqscan = off;
ALTER FUNCTION telemetry.rollups SET enable_seqscan = off;

-- What reading back needs beside samples() and rollups(): the newest of each series, and texts through their index,
-- as many as are needed and no more. The same door: what the current tenant may see, and of which period.

-- The newest sample of each series in a period: the newest hot one, or the last one of the newest hour in packs.
CREATE FUNCTION telemetry.newest(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, "time" timestamptz, value float8, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
  WITH seen AS MATERIALIZED (SELECT v.series_id, v.since, v.until FROM telemetry.visible($1, $2, $3) v),
  hot AS (  -- as in samples()
    SELECT DISTINCT ON (s.series_id) s.series_id, s.time, s.value, s.quality
    FROM telemetry.sample s JOIN seen ON seen.series_id = s.series_id AND s.time >= seen.since AND s.time < seen.until
    WHERE s.series_id >= (SELECT min(seen.series_id) FROM seen) AND s.series_id <= (SELECT max(seen.series_id) FROM seen)
      AND s.time >= $2 AND s.time < $3
      AND s.arrived >= (SELECT packed_until FROM telemetry.packing)
      AND s.arrived >= extract(epoch FROM least(greatest($2, '1970-01-02'), now()))::bigint / 60 - 10
    ORDER BY s.series_id, s.time DESC
  ), newest_hour AS (  -- late data make more packs of one hour, so that the last to begin need not be the last to end
    SELECT seen.series_id, seen.since, seen.until, last.hour,
           (SELECT max(p.t1) FROM telemetry.pack p
            WHERE p.series_id = seen.series_id AND p.t0 >= last.hour AND p.t0 < seen.until) AS t1
    FROM seen CROSS JOIN LATERAL (
      SELECT date_bin('1 hour', p.t0, '2000-01-01 00:00Z') AS hour FROM telemetry.pack p
      WHERE p.series_id = seen.series_id AND p.t0 >= seen.since - interval '1 hour' AND p.t0 < seen.until
      ORDER BY p.t0 DESC LIMIT 1
    ) last
  ), packed AS (
    SELECT DISTINCT ON (e.series_id) e.series_id, e.time, e.value, e.quality
    FROM newest_hour h
    JOIN telemetry.pack p ON p.series_id = h.series_id AND p.t0 >= h.hour AND p.t0 < h.until
     AND (p.t1 = h.t1 OR h.t1 >= h.until)
    CROSS JOIN LATERAL telemetry.unpack(p) e
    WHERE e.time >= h.since AND e.time < h.until
    ORDER BY e.series_id, e.time DESC
  )
  SELECT DISTINCT ON (one.series_id) one.* FROM (SELECT * FROM hot UNION ALL SELECT * FROM packed) one
  ORDER BY one.series_id, one.time DESC
$$;

-- Of each series the newest text of a period.
CREATE FUNCTION telemetry.newest_texts(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, "time" timestamptz, value text, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT ON (seen.series_id) seen.series_id, s.time, s.value, s.quality
  FROM telemetry.visible($1, $2, $3) seen CROSS JOIN LATERAL (
    SELECT t.time, t.value, t.quality FROM telemetry.text_sample t
    WHERE t.series_id = seen.series_id AND t.time >= seen.since AND t.time < seen.until
    ORDER BY t.time DESC LIMIT 1
  ) s
  ORDER BY seen.series_id, s.time DESC
$$;

-- Of each series the first texts of a period, `most` of them, or more where several are of one time.
CREATE FUNCTION telemetry.first_texts(wanted int[], since timestamptz, until timestamptz, most int)
RETURNS TABLE (series_id int, "time" timestamptz, value text, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT seen.series_id, s.time, s.value, s.quality
  FROM telemetry.visible($1, $2, $3) seen CROSS JOIN LATERAL (
    SELECT t.time, t.value, t.quality FROM telemetry.text_sample t
    WHERE t.series_id = seen.series_id AND t.time >= seen.since AND t.time < seen.until
    ORDER BY t.time FETCH FIRST (most) ROWS WITH TIES
  ) s
$$;

-- Of each series the last text of each step of a period that is made of whole steps.
CREATE FUNCTION telemetry.last_texts(wanted int[], since timestamptz, until timestamptz, step_s int)
RETURNS TABLE (series_id int, "time" timestamptz, value text, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT seen.series_id, s.time, s.value, s.quality
  FROM telemetry.visible($1, $2, $3) seen
  CROSS JOIN generate_series($2, $3 - make_interval(secs => $4), make_interval(secs => $4)) AS step (t0)
  CROSS JOIN LATERAL (
    SELECT t.time, t.value, t.quality FROM telemetry.text_sample t
    WHERE t.series_id = seen.series_id AND t.time >= greatest(step.t0, seen.since)
      AND t.time < least(step.t0 + make_interval(secs => $4), seen.until)
    ORDER BY t.time DESC LIMIT 1
  ) s
$$;

-- How many texts each series has in a period, counted up to `most`.
CREATE FUNCTION telemetry.count_texts(wanted int[], since timestamptz, until timestamptz, most int)
RETURNS TABLE (series_id int, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT seen.series_id, sum(s.n)::bigint
  FROM telemetry.visible($1, $2, $3) seen CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
      SELECT FROM telemetry.text_sample t
      WHERE t.series_id = seen.series_id AND t.time >= seen.since AND t.time < seen.until LIMIT most
    ) first
  ) s
  GROUP BY seen.series_id
$$;

ALTER FUNCTION telemetry.newest OWNER TO lw_definer;
ALTER FUNCTION telemetry.newest_texts OWNER TO lw_definer;
ALTER FUNCTION telemetry.first_texts OWNER TO lw_definer;
ALTER FUNCTION telemetry.last_texts OWNER TO lw_definer;
ALTER FUNCTION telemetry.count_texts OWNER TO lw_definer;
REVOKE ALL ON FUNCTION telemetry.newest, telemetry.newest_texts, telemetry.first_texts, telemetry.last_texts,
  telemetry.count_texts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.newest, telemetry.newest_texts, telemetry.first_texts, telemetry.last_texts,
  telemetry.count_texts TO lw_app, lw_worker;
