-- Bursts of fast sensors, in the parts that came; and where the database's data lie, for the guard of the disk.

ALTER TABLE registry.tag DROP CONSTRAINT tag_kind_check;
ALTER TABLE registry.tag ADD CONSTRAINT tag_kind_check CHECK (kind IN ('float', 'int', 'bool', 'text', 'waveform'));

-- What all parts of a burst say of it. The id is made of everything here, so parts that do not agree never meet.
CREATE TABLE telemetry.waveform (
  id         uuid PRIMARY KEY,
  start_at   timestamptz NOT NULL,   -- start_ns, cut to µs
  start_ns   bigint NOT NULL,        -- first value, ns since 1970 UTC
  rate_hz    float8 NOT NULL,
  scale      float8 NOT NULL,        -- what a value of 1 means in the tag's unit
  series_id  int NOT NULL,
  n          int NOT NULL,           -- values
  parts      int NOT NULL,
  dtype      text NOT NULL,          -- of a value, as numpy writes it: <i2, <i4, <f4, <f8
  sha256     bytea NOT NULL          -- of the data of all parts
);
CREATE INDEX waveform_by_series ON telemetry.waveform (series_id, start_at);
CREATE INDEX waveform_by_time ON telemetry.waveform (start_at);

CREATE TABLE telemetry.waveform_part (
  waveform_id  uuid NOT NULL REFERENCES telemetry.waveform ON DELETE CASCADE,
  part         int NOT NULL,         -- from 0
  gateway_id   uuid NOT NULL,
  run_id       uuid NOT NULL,
  seq          bigint NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT now(),
  clock        smallint NOT NULL,    -- of the gateway, see runtime/clock.py
  data         bytea NOT NULL,
  PRIMARY KEY (waveform_id, part)
);
-- Noise does not get smaller, and only what is not compressed can be read in pieces.
ALTER TABLE telemetry.waveform_part ALTER COLUMN data SET STORAGE EXTERNAL;

-- A burst is there when all its parts are. Nobody writes that down, so no two workers can disagree about it.
CREATE VIEW telemetry.whole_waveform AS
SELECT burst.*, own.size_bytes, own.clock, own.received_at
FROM telemetry.waveform AS burst CROSS JOIN LATERAL (
  SELECT count(*) AS parts, sum(octet_length(data)) AS size_bytes, max(clock) AS clock, max(received_at) AS received_at
  FROM telemetry.waveform_part WHERE waveform_id = burst.id
) AS own
WHERE own.parts = burst.parts;

GRANT SELECT, INSERT, DELETE ON telemetry.waveform, telemetry.waveform_part TO lw_ingest;
GRANT SELECT ON telemetry.whole_waveform TO lw_ingest;
GRANT SELECT ON telemetry.waveform, telemetry.waveform_part, telemetry.whole_waveform TO lw_definer;

-- The same door as samples(): whole bursts that begin in a period, the newest `most` of them, and those of the same
-- moment as the last one, so that the next question can begin before it.
CREATE FUNCTION telemetry.waveforms(wanted int[], since timestamptz, until timestamptz, most int)
RETURNS TABLE (id uuid, series_id int, start_at timestamptz, start_ns bigint, rate_hz float8, scale float8, dtype text,
               n int, size_bytes bigint, sha256 bytea, clock smallint, received_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.id, w.series_id, w.start_at, w.start_ns, w.rate_hz, w.scale, w.dtype, w.n, w.size_bytes, w.sha256, w.clock,
         w.received_at
  FROM telemetry.visible($1, $2, $3) AS seen
  JOIN telemetry.whole_waveform AS w
    ON w.series_id = seen.series_id AND w.start_at >= seen.since AND w.start_at < seen.until
  ORDER BY w.start_at DESC FETCH FIRST ($4) ROWS WITH TIES
$$;

-- One of them; nothing while a part is missing, or where the current tenant may not see it.
CREATE FUNCTION telemetry.waveform_of(wanted uuid)
RETURNS TABLE (id uuid, series_id int, start_at timestamptz, start_ns bigint, rate_hz float8, scale float8, dtype text,
               n int, size_bytes bigint, sha256 bytea, clock smallint, received_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT shown.*
  FROM telemetry.waveform AS burst CROSS JOIN LATERAL
       telemetry.waveforms(ARRAY[burst.series_id], burst.start_at, burst.start_at + interval '1 microsecond', 1) AS shown
  WHERE burst.id = $1 AND shown.id = $1
$$;

CREATE FUNCTION telemetry.waveform_data(wanted uuid)
RETURNS TABLE (part int, data bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT own.part, own.data
  FROM telemetry.waveform_of($1) AS shown JOIN telemetry.waveform_part AS own ON own.waveform_id = shown.id
  ORDER BY own.part
$$;

ALTER FUNCTION telemetry.waveforms OWNER TO lw_definer;
ALTER FUNCTION telemetry.waveform_of OWNER TO lw_definer;
ALTER FUNCTION telemetry.waveform_data OWNER TO lw_definer;
REVOKE ALL ON FUNCTION telemetry.waveforms, telemetry.waveform_of, telemetry.waveform_data FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.waveforms, telemetry.waveform_of, telemetry.waveform_data TO lw_app, lw_worker;

-- Where the data lie, if whoever migrates may know it and the caller sits on the same machine; NULL otherwise.
CREATE FUNCTION telemetry.data_folder() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF inet_server_addr() IS DISTINCT FROM inet_client_addr() THEN
    RETURN NULL;
  END IF;
  RETURN current_setting('data_directory');
EXCEPTION WHEN insufficient_privilege THEN
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION telemetry.data_folder FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.data_folder TO lw_ingest;
