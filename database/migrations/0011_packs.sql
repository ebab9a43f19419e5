-- Where samples stay: packs, one or a few for each series and hour, as arrays with their own rollups beside them.
--
--   hot rows (telemetry.sample) ──packer──► telemetry.pack       readers: hot rows from packed_until on, and packs
--
-- A rollup is a part of its pack and nothing else, so it cannot differ from the samples: late data make another pack
-- of the same hour, with its own rollup, and reading adds them up.

-- Minutes of arrival. Rows below closed_until are complete and never change again: writers stamp theirs at or above it.
-- Rows below packed_until are in packs; raised in the transaction that adds those packs.
CREATE TABLE telemetry.packing (
  only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  closed_until  int NOT NULL DEFAULT 0,
  packed_until  int NOT NULL DEFAULT 0,
  packed_by     xid8 NOT NULL DEFAULT pg_current_xact_id(),   -- who raised packed_until
  CHECK (packed_until <= closed_until)
) WITH (fillfactor = 10);
INSERT INTO telemetry.packing DEFAULT VALUES;

-- The samples of one series that lie in one hour (UTC), in the order of time. Sample i, counted from 0:
--   time     t0 + i * step_us + (jitter[i] or dt[i] or 0), in µs
--   value    (origin + code[i]) / divisor,  or levels[code[i]],  or single[i],  or value[i];  NULL where there is none
--   quality  quality[i], 0 (GOOD) without an array
-- Exactly one of code, single and value is there; telemetry.unpack() is all of this in SQL.
CREATE TABLE telemetry.pack (
  t0              timestamptz NOT NULL,   -- first sample
  t1              timestamptz NOT NULL,   -- last sample
  last_at         timestamptz,            -- last sample with a value
  total           float8,                 -- sum of the values
  low             float8,
  high            float8,
  last            float8,
  step_us         bigint NOT NULL,
  origin          float8,
  divisor         float8,
  series_id       int NOT NULL,
  n               int NOT NULL,           -- samples with a value
  bad             int NOT NULL,           -- samples without
  jitter          int2[],
  dt              int4[],
  code            int2[],
  levels          float8[],
  single          float4[],
  value           float8[],
  quality         int2[],
  -- Rollups of each minute that has samples, where the pack is dense enough to make them worth their bytes.
  minute          int2[],                 -- 0 to 59
  minute_n        int4[],
  minute_bad      int4[],
  minute_total    float8[],
  minute_low      float8[],
  minute_high     float8[],
  minute_last     float8[],
  minute_last_us  int4[]                  -- of the last value, µs since the minute began
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02);
-- Read for each sample: may neither be compressed nor lie elsewhere. At most 256 of them.
ALTER TABLE telemetry.pack ALTER COLUMN levels SET STORAGE PLAIN;
-- It is the rollup of each hour as well: a year of them is read from the index alone.
CREATE INDEX pack_by_series ON telemetry.pack (series_id, t0, t1) INCLUDE (last_at, total, low, high, last, n, bad);

-- What is old, for retention; the first knows only packs that still have their samples.
CREATE INDEX pack_with_samples ON telemetry.pack USING brin (t0) WITH (pages_per_range = 16, autosummarize = on)
  WHERE num_nonnulls(code, single, value) > 0;
CREATE INDEX pack_by_time ON telemetry.pack USING brin (t0) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX text_sample_by_time ON telemetry.text_sample USING brin (time) WITH (pages_per_range = 16, autosummarize = on);

DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'telemetry.pack'::regclass AND attndims > 0 LOOP
    EXECUTE format('ALTER TABLE telemetry.pack ALTER COLUMN %I SET COMPRESSION lz4', name);
  END LOOP;
EXCEPTION WHEN feature_not_supported THEN
  NULL;  -- a server built without lz4 uses its own, slower
END $$;

-- Hours into which packs came lately: each series shall have one there, as soon as no more come.
CREATE TABLE telemetry.unmerged (
  hour          timestamptz PRIMARY KEY,
  touched_at    timestamptz NOT NULL DEFAULT now(),
  merged_up_to  int NOT NULL DEFAULT 0             -- series; where a merge that was interrupted goes on
) WITH (fillfactor = 50);

CREATE FUNCTION telemetry.unpack(p telemetry.pack)
RETURNS TABLE (series_id int, "time" timestamptz, value float8, quality smallint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT p.series_id,
         p.t0 + ((e.i - 1) * p.step_us + coalesce(e.jitter, e.dt, 0)) * interval '1 microsecond',
         CASE WHEN p.levels IS NOT NULL THEN p.levels[e.code]
              WHEN e.code IS NOT NULL THEN (p.origin + e.code) / p.divisor
              ELSE coalesce(e.value, e.single) END,
         coalesce(e.quality, 0::smallint)
  FROM unnest(p.jitter, p.dt, p.code, p.single, p.value, p.quality)
       WITH ORDINALITY AS e (jitter, dt, code, single, value, quality, i)
$$;

-- Which part of a period the current tenant may see of each series; periods that touch are one.
CREATE FUNCTION telemetry.visible(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, since timestamptz, until timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT v.series_id, greatest(lower(period), $2), least(upper(period), $3)
  FROM (SELECT series_id, range_agg(tstzrange(valid_from, valid_to)) AS periods FROM registry.visible_tag
        WHERE tenant_id = registry.current_tenant() AND series_id = ANY ($1) GROUP BY series_id) v,
       unnest(v.periods) AS period
  WHERE period && tstzrange($2, greatest($2, $3))
$$;

-- The same answer as ever: hot and packed, each sample once, in one snapshot. Without statistics, which so young a
-- table never has, the planner takes a BRIN for useless and would read every hot row, and compile that beforehand.
CREATE OR REPLACE FUNCTION telemetry.samples(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, "time" timestamptz, value float8, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog SET enable_seqscan = off SET jit = off AS $$
  WITH seen AS MATERIALIZED (SELECT v.series_id, v.since, v.until FROM telemetry.visible($1, $2, $3) v)
  SELECT s.series_id, s.time, s.value, s.quality
  FROM telemetry.sample s JOIN seen ON seen.series_id = s.series_id AND s.time >= seen.since AND s.time < seen.until
  -- For the BRIN, which cannot be asked for a list.
  WHERE s.series_id >= (SELECT min(seen.series_id) FROM seen) AND s.series_id <= (SELECT max(seen.series_id) FROM seen)
    AND s.time >= $2 AND s.time < $3
    AND s.arrived >= (SELECT packed_until FROM telemetry.packing)
    -- Nothing arrives before it was measured; ten minutes are left for clocks that run ahead.
    AND s.arrived >= extract(epoch FROM least(greatest($2, '1970-01-02'), now()))::bigint / 60 - 10
  UNION ALL
  SELECT e.series_id, e.time, e.value, e.quality
  FROM seen
  JOIN telemetry.pack p ON p.series_id = seen.series_id
   AND p.t0 >= seen.since - interval '1 hour' AND p.t0 < seen.until AND p.t1 >= seen.since
  CROSS JOIN LATERAL telemetry.unpack(p) e
  WHERE e.time >= seen.since AND e.time < seen.until
$$;

-- What samples() would show, by steps that begin at multiples of step_s since 1970: `n` samples with a value, `bad`
-- without. Multiples of an hour come from the index of the packs, multiples of a minute from their arrays.
CREATE FUNCTION telemetry.rollups(wanted int[], since timestamptz, until timestamptz, step_s int)
RETURNS TABLE (series_id int, t0 timestamptz, n int, bad int, mean float8, low float8, high float8, last float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog SET enable_seqscan = off SET jit = off AS $$
  WITH seen AS MATERIALIZED (SELECT v.series_id, v.since, v.until FROM telemetry.visible($1, $2, $3) v),
  whole_hours AS (
    SELECT p.series_id, p.t0 AS at, p.n, p.bad, p.total, p.low, p.high, p.last, p.last_at
    FROM seen JOIN telemetry.pack p ON p.series_id = seen.series_id
     AND p.t0 >= seen.since AND p.t0 < seen.until AND p.t1 < seen.until
    WHERE $4 % 3600 = 0
  ), minutes AS (
    SELECT p.series_id, m.at, m.n, m.bad, m.total, m.low, m.high, m.last,
           m.at + m.last_us * interval '1 microsecond' AS last_at
    FROM seen JOIN telemetry.pack p ON p.series_id = seen.series_id
     AND p.t0 >= seen.since AND p.t0 < seen.until AND p.t1 < seen.until
    CROSS JOIN LATERAL (
      SELECT date_bin('1 hour', p.t0, '2000-01-01 00:00Z') + e.minute * interval '1 minute' AS at,
             e.n, e.bad, e.total, e.low, e.high, e.last, e.last_us
      FROM unnest(p.minute, p.minute_n, p.minute_bad, p.minute_total, p.minute_low, p.minute_high, p.minute_last,
                  p.minute_last_us) AS e (minute, n, bad, total, low, high, last, last_us)
    ) m
    WHERE $4 % 3600 <> 0 AND $4 % 60 = 0 AND p.minute IS NOT NULL
  ), single_samples AS (
    -- Packs without minutes.
    SELECT e.series_id, e.time, e.value
    FROM seen JOIN telemetry.pack p ON p.series_id = seen.series_id
     AND p.t0 >= seen.since AND p.t0 < seen.until AND p.t1 < seen.until
    CROSS JOIN LATERAL telemetry.unpack(p) e
    WHERE $4 % 3600 <> 0 AND ($4 % 60 <> 0 OR p.minute IS NULL)
    UNION ALL  -- packs that begin before the period
    SELECT e.series_id, e.time, e.value
    FROM seen JOIN telemetry.pack p ON p.series_id = seen.series_id
     AND p.t0 >= seen.since - interval '1 hour' AND p.t0 < seen.since AND p.t1 >= seen.since
    CROSS JOIN LATERAL telemetry.unpack(p) e
    WHERE e.time >= seen.since AND e.time < seen.until
    UNION ALL  -- packs that begin in it and end after it
    SELECT e.series_id, e.time, e.value
    FROM seen JOIN telemetry.pack p ON p.series_id = seen.series_id
     AND p.t0 >= greatest(seen.since, seen.until - interval '1 hour') AND p.t0 < seen.until AND p.t1 >= seen.until
    CROSS JOIN LATERAL telemetry.unpack(p) e
    WHERE e.time < seen.until
    UNION ALL  -- hot rows, as in samples()
    SELECT s.series_id, s.time, s.value
    FROM telemetry.sample s JOIN seen ON seen.series_id = s.series_id AND s.time >= seen.since AND s.time < seen.until
    WHERE s.series_id >= (SELECT min(seen.series_id) FROM seen) AND s.series_id <= (SELECT max(seen.series_id) FROM seen)
      AND s.time >= $2 AND s.time < $3
      AND s.arrived >= (SELECT packed_until FROM telemetry.packing)
      AND s.arrived >= extract(epoch FROM least(greatest($2, '1970-01-02'), now()))::bigint / 60 - 10
  ), parts AS (
    SELECT * FROM whole_hours
    UNION ALL SELECT * FROM minutes
    UNION ALL
    SELECT series_id, time, (value IS NOT NULL)::int, (value IS NULL)::int, value, value, value, value,
           CASE WHEN value IS NOT NULL THEN time END
    FROM single_samples
  )
  SELECT series_id, date_bin(make_interval(secs => $4), at, '1970-01-01 00:00Z'), sum(n)::int, sum(bad)::int,
         sum(total) / nullif(sum(n), 0), min(low), max(high),
         (array_agg(last ORDER BY last_at DESC, last DESC) FILTER (WHERE last_at IS NOT NULL))[1]
  FROM parts GROUP BY 1, 2
$$;

-- Everything that is stored, for the owner's own look; never by a tenant. Ask samples() for a period: it reads less.
CREATE VIEW telemetry.stored AS
  SELECT series_id, time, value, quality FROM telemetry.sample
  WHERE arrived >= (SELECT packed_until FROM telemetry.packing)
  UNION ALL
  SELECT e.series_id, e.time, e.value, e.quality FROM telemetry.pack p CROSS JOIN LATERAL telemetry.unpack(p) e;

ALTER FUNCTION telemetry.rollups OWNER TO lw_definer;
REVOKE ALL ON FUNCTION telemetry.rollups, telemetry.visible, telemetry.unpack FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.rollups TO lw_app, lw_worker;
GRANT EXECUTE ON FUNCTION telemetry.visible TO lw_definer;
GRANT EXECUTE ON FUNCTION telemetry.unpack TO lw_definer, lw_ingest, lw_worker;
GRANT SELECT ON telemetry.packing, telemetry.pack TO lw_ingest, lw_worker, lw_definer;
GRANT SELECT ON telemetry.stored TO lw_worker;
GRANT UPDATE ON telemetry.packing TO lw_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry.unmerged TO lw_ingest;
GRANT INSERT, DELETE ON telemetry.pack TO lw_ingest;
GRANT UPDATE (jitter, dt, code, levels, single, value, quality) ON telemetry.pack TO lw_ingest;  -- to let samples go
GRANT DELETE ON telemetry.text_sample TO lw_ingest;
