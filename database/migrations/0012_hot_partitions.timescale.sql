-- Hot chunks of ten minutes of arrival instead of days: the packer empties them, and they go as whole files.

DROP INDEX telemetry.sample_time;
-- Groups are written sorted by series and time, so a few pages hold a narrow range of both. Ranges are summarised by
-- telemetry.summarize(), every second or so.
CREATE INDEX sample_lookup ON telemetry.sample USING brin (series_id, time, arrived) WITH (pages_per_range = 4);
ALTER TABLE telemetry.sample SET (autovacuum_enabled = off);  -- chunks are gone before a vacuum could be of use
SELECT set_chunk_time_interval('telemetry.sample', 10);

-- Minutes [first, until) of each chunk, and what it holds.
CREATE FUNCTION telemetry.hot_parts()
RETURNS TABLE (part regclass, first int, until int, bytes bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT chunk, range_start_integer::int, range_end_integer::int, pg_relation_size(chunk)
  FROM timescaledb_information.chunks, to_regclass(format('%I.%I', chunk_schema, chunk_name)) AS chunk
  WHERE hypertable_schema = 'telemetry' AND hypertable_name = 'sample'
  ORDER BY 2
$$;

DROP FUNCTION telemetry.make_partitions;
CREATE FUNCTION telemetry.make_partitions(minutes_ahead int DEFAULT 90) RETURNS int LANGUAGE sql STABLE
RETURN 0 * minutes_ahead;

CREATE FUNCTION telemetry.drop_parts(before int) RETURNS int
LANGUAGE plpgsql SET search_path = public, pg_catalog SET lock_timeout = '100ms' AS $$
BEGIN
  RETURN (SELECT count(*) FROM drop_chunks('telemetry.sample', older_than => before));
EXCEPTION WHEN lock_not_available THEN
  RETURN 0;  -- somebody reads: nobody shall queue behind us, the next round is soon
END $$;
