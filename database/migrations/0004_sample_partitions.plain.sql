-- Plain PostgreSQL: a partition a day of arrival, made ahead by ingest at start and once an hour.

CREATE INDEX sample_time ON telemetry.sample USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION telemetry.make_partitions(days_ahead int DEFAULT 3) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  today int := extract(epoch FROM now())::bigint / 86400;
  made int := 0;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('telemetry.make_partitions'));
  FOR day IN today .. today + days_ahead LOOP
    name := 'sample_' || to_char(to_timestamp(day::bigint * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD');
    IF to_regclass('telemetry.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE telemetry.%I PARTITION OF telemetry.sample FOR VALUES FROM (%s) TO (%s)',
                     name, day * 1440, (day + 1) * 1440);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
REVOKE ALL ON FUNCTION telemetry.make_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.make_partitions TO lw_ingest;
SELECT telemetry.make_partitions();

CREATE FUNCTION telemetry.drop_samples(older_than interval) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  last_day text := 'sample_' || to_char(now() AT TIME ZONE 'UTC' - older_than, 'YYYYMMDD');
  dropped int := 0;
  name text;
BEGIN
  FOR name IN SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
              WHERE inhparent = 'telemetry.sample'::regclass AND relname < last_day LOOP
    EXECUTE format('DROP TABLE telemetry.%I', name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION telemetry.drop_samples FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.drop_samples TO lw_ingest;
