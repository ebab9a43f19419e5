-- TimescaleDB: a hypertable over minutes of arrival; chunks come by themselves and leave by drop_chunks.
-- A hypertable cannot be made from a partitioned table, so the empty one gives way.

DROP TABLE telemetry.sample;
CREATE TABLE telemetry.sample (
  time       timestamptz NOT NULL,
  value      float8,
  series_id  int NOT NULL,
  arrived    int NOT NULL,
  quality    smallint NOT NULL
);
SELECT create_hypertable('telemetry.sample', by_range('arrived', 1440), create_default_indexes => false);
CREATE INDEX sample_time ON telemetry.sample USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION telemetry.minutes_now() RETURNS int LANGUAGE sql STABLE
RETURN (extract(epoch FROM now())::bigint / 60)::int;
SELECT set_integer_now_func('telemetry.sample', 'telemetry.minutes_now');

CREATE FUNCTION telemetry.make_partitions(days_ahead int DEFAULT 3) RETURNS int LANGUAGE sql STABLE RETURN 0 * days_ahead;

CREATE FUNCTION telemetry.drop_samples(older_than interval) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_catalog AS $$
  SELECT count(*)::int FROM drop_chunks('telemetry.sample',
    older_than => (extract(epoch FROM now() - older_than)::bigint / 60)::int);
$$;
REVOKE ALL ON FUNCTION telemetry.make_partitions, telemetry.drop_samples FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.make_partitions, telemetry.drop_samples TO lw_ingest;
GRANT SELECT, INSERT ON telemetry.sample TO lw_ingest;
GRANT SELECT ON telemetry.sample TO lw_worker, lw_definer;
