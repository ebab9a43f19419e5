-- Refused payloads can be replayed; what nobody needs any more is deleted in small bites.

ALTER TABLE telemetry.dead_letter
  ADD COLUMN attempts int NOT NULL DEFAULT 0,   -- replays that failed; reason and detail are those of the last one
  ADD COLUMN replayed_at timestamptz,           -- from then on it is done with and never stored again
  ADD COLUMN outcome text;                      -- what the replay did
COMMENT ON COLUMN telemetry.dead_letter.payload IS 'whole up to 4 MiB, of what is larger the first MiB';
ALTER TABLE telemetry.dead_letter ALTER COLUMN payload SET STORAGE EXTENDED;

-- The same payload is one letter, whatever it was refused for: a replay may find another reason.
DELETE FROM telemetry.dead_letter AS later USING telemetry.dead_letter AS first
WHERE (later.sha256, later.topic) = (first.sha256, first.topic) AND later.id > first.id;
DROP INDEX telemetry.dead_letter_once;
CREATE UNIQUE INDEX dead_letter_once ON telemetry.dead_letter (sha256, topic);
CREATE INDEX dead_letter_by_time ON telemetry.dead_letter (received_at);

-- Rows come in order of time, so a few blocks tell where the old ones are.
CREATE INDEX batch_by_time ON telemetry.batch USING brin (committed_at) WITH (autosummarize = on);

GRANT DELETE ON telemetry.dead_letter, telemetry.quarantine, telemetry.batch, telemetry.ledger TO lw_ingest;
GRANT UPDATE (reason, detail, attempts, replayed_at, outcome) ON telemetry.dead_letter TO lw_ingest;
