-- What the packer may do as lw_ingest without owning anything: hot partitions ahead, away, and findable.

DROP FUNCTION telemetry.drop_samples;  -- by age of hot rows; what is old now lies in packs

-- Packed rows go when every snapshot in use sees their packs, here and on standbys that send feedback: a reader that
-- was asked before and waits for a lock must still find the rows.
CREATE FUNCTION telemetry.drop_packed() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  state telemetry.packing;
BEGIN
  SELECT * INTO state FROM telemetry.packing;
  IF EXISTS (SELECT FROM pg_stat_activity
             WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid()
               AND backend_type IS DISTINCT FROM 'autovacuum worker' AND age(backend_xmin) >= age(state.packed_by::xid))
     OR EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) >= age(state.packed_by::xid)) THEN
    RETURN 0;
  END IF;
  RETURN telemetry.drop_parts(state.packed_until);
END $$;

-- Tells the BRIN of what came since the last call; pages it does not know yet are read by everybody.
CREATE FUNCTION telemetry.summarize() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '100ms' AS $$
BEGIN
  RETURN (SELECT coalesce(sum(brin_summarize_new_values(indexrelid)), 0)
          FROM telemetry.hot_parts() JOIN pg_index ON indrelid = part
          WHERE bytes > 0 AND until > (SELECT packed_until FROM telemetry.packing));
EXCEPTION WHEN lock_not_available THEN
  RETURN 0;
END $$;

REVOKE ALL ON FUNCTION telemetry.hot_parts, telemetry.make_partitions, telemetry.drop_parts,
  telemetry.drop_packed, telemetry.summarize FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.hot_parts, telemetry.make_partitions, telemetry.drop_packed,
  telemetry.summarize TO lw_ingest;
