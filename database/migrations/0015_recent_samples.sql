-- What came lately from sources that do not number their messages: hashes, so that a redelivery is recognised.

-- One row a gateway and transaction; written and read under the lock of the gateway's ledger row.
CREATE TABLE telemetry.recent (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gateway_id  uuid NOT NULL,
  arrived     int NOT NULL,      -- minutes since 1970 UTC, the database's clock
  hashes      bytea NOT NULL     -- 8 bytes a sample, little-endian, sorted
);
CREATE INDEX recent_by_gateway ON telemetry.recent (gateway_id, id);
ALTER TABLE telemetry.recent ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress

GRANT SELECT, INSERT, DELETE ON telemetry.recent TO lw_ingest;

-- Such messages are not batches of a ledger: what they left there knew whole payloads, for ever.
DELETE FROM telemetry.batch WHERE run_id = '00000000-0000-0000-0000-000000000000';
