-- The only door through which the API reads telemetry: what the current tenant may see, and of which period.

CREATE FUNCTION telemetry.samples(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, "time" timestamptz, value float8, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.series_id, s.time, s.value, s.quality
  FROM telemetry.sample s
  JOIN registry.visible_tag v ON v.series_id = s.series_id
   AND v.tenant_id = registry.current_tenant() AND s.time >= v.valid_from AND s.time < v.valid_to
  WHERE s.series_id = ANY (wanted) AND s.time >= since AND s.time < until
    -- Nothing arrives before it was measured; ten minutes are left for clocks that run ahead.
    AND s.arrived >= extract(epoch FROM greatest(since, '1970-01-02'))::bigint / 60 - 10
$$;

CREATE FUNCTION telemetry.texts(wanted int[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int, "time" timestamptz, value text, quality smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.series_id, s.time, s.value, s.quality
  FROM telemetry.text_sample s
  JOIN registry.visible_tag v ON v.series_id = s.series_id
   AND v.tenant_id = registry.current_tenant() AND s.time >= v.valid_from AND s.time < v.valid_to
  WHERE s.series_id = ANY (wanted) AND s.time >= since AND s.time < until
$$;

ALTER FUNCTION telemetry.samples OWNER TO lw_definer;
ALTER FUNCTION telemetry.texts OWNER TO lw_definer;
REVOKE ALL ON FUNCTION telemetry.samples, telemetry.texts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.samples, telemetry.texts TO lw_app, lw_worker;
