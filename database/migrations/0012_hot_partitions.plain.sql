-- Hot partitions of ten minutes of arrival instead of days: the packer empties them, and they go as whole files.

DROP INDEX telemetry.sample_time;
-- Groups are written sorted by series and time, so a few pages hold a narrow range of both. Ranges are summarised by
-- telemetry.summarize(), every second or so.
CREATE INDEX sample_lookup ON telemetry.sample USING brin (series_id, time, arrived) WITH (pages_per_range = 4);

-- Minutes [first, until) of each partition, and what it holds.
CREATE FUNCTION telemetry.hot_parts()
RETURNS TABLE (part regclass, first int, until int, bytes bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT inhrelid::regclass, bound[1]::int, bound[2]::int, pg_relation_size(inhrelid)
  FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid,
       regexp_match(pg_get_expr(relpartbound, inhrelid), 'FROM \(''?(-?\d+)''?\) TO \(''?(-?\d+)''?\)') AS bound
  WHERE inhparent = 'telemetry.sample'::regclass
  ORDER BY 2
$$;

-- Days that have not begun to fill give way; the day that has ends at the next ten minutes.
DO $$
DECLARE
  day record;
  filled boolean;
  cut int := (SELECT greatest(extract(epoch FROM now())::bigint / 60, max(arrived)) / 10 * 10 + 10 FROM telemetry.sample);
BEGIN
  FOR day IN SELECT * FROM telemetry.hot_parts() WHERE until > cut LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', day.part) INTO filled;
    IF filled THEN
      EXECUTE format('ALTER TABLE telemetry.sample DETACH PARTITION %s', day.part);
      EXECUTE format('ALTER TABLE telemetry.sample ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)', day.part, day.first, cut);
    ELSE
      EXECUTE format('DROP TABLE %s', day.part);
    END IF;
  END LOOP;
END $$;

DROP FUNCTION telemetry.make_partitions;
CREATE FUNCTION telemetry.make_partitions(minutes_ahead int DEFAULT 90) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  now_min int := extract(epoch FROM now())::bigint / 60;
  slot int;
  name text;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('telemetry.make_partitions'));
  FOR slot IN
    SELECT s FROM generate_series(now_min / 10 * 10, now_min + minutes_ahead, 10) s
    WHERE NOT EXISTS (SELECT FROM telemetry.hot_parts() p WHERE p.first < s + 10 AND p.until > s)
  LOOP
    name := 'sample_' || to_char(to_timestamp(slot * 60.0) AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MI');
    -- Attached, not made in place: that would wait for every reader. Gone before a vacuum could be of use.
    EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.sample) WITH (autovacuum_enabled = off)', name);
    EXECUTE format('ALTER TABLE telemetry.sample ATTACH PARTITION telemetry.%I FOR VALUES FROM (%s) TO (%s)',
                   name, slot, slot + 10);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

CREATE FUNCTION telemetry.drop_parts(before int) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog SET lock_timeout = '100ms' AS $$
DECLARE
  name regclass;
  dropped int := 0;
BEGIN
  FOR name IN SELECT part FROM telemetry.hot_parts() WHERE until <= before LOOP
    EXECUTE format('DROP TABLE %s', name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
EXCEPTION WHEN lock_not_available THEN
  RETURN 0;  -- somebody reads: nobody shall queue behind us, the next round is soon
END $$;

SELECT telemetry.make_partitions();
