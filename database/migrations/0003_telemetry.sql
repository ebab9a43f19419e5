-- Samples as they arrive, the ledger that makes them unique, and everything that was refused, with its reason.

-- No b-tree: it is most of what a stored sample costs. Uniqueness comes from the ledger, findability from
-- partitions by minutes of ARRIVAL (a backlog of days lands in one place) and a BRIN on time.
-- Column order is alignment: 60 bytes a row on disk.
CREATE TABLE telemetry.sample (
  time       timestamptz NOT NULL,   -- source time
  value      float8,                 -- NULL when quality is BAD
  series_id  int NOT NULL,
  arrived    int NOT NULL,           -- minutes since 1970 UTC, the database's clock
  quality    smallint NOT NULL       -- quality << 8 | reason, see protocols/sample.py
) PARTITION BY RANGE (arrived);

CREATE TABLE telemetry.text_sample (
  time       timestamptz NOT NULL,
  series_id  int NOT NULL,
  quality    smallint NOT NULL,
  value      text
);
CREATE INDEX text_sample_by_series ON telemetry.text_sample (series_id, time);

-- One row a run of a gateway: which sequence numbers are committed.
CREATE TABLE telemetry.ledger (
  gateway_id  uuid NOT NULL,
  run_id      uuid NOT NULL,
  committed   int8multirange NOT NULL DEFAULT '{}',
  started_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway_id, run_id)
) WITH (fillfactor = 70);

-- One row a batch: its hash tells a repeated delivery from a clone that reuses the same numbers.
CREATE TABLE telemetry.batch (
  gateway_id    uuid NOT NULL,
  run_id        uuid NOT NULL,
  seq           bigint NOT NULL,
  sha256        bytea NOT NULL,
  samples       int NOT NULL,
  rejected      text,                -- why its rows are not stored; the raw bytes are in dead_letter
  committed_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway_id, run_id, seq)
);

-- Which series an alias means in a configuration revision; old revisions stay, a backlog may still need them.
CREATE TABLE telemetry.catalog (
  gateway_id  uuid NOT NULL,
  revision    bigint NOT NULL,
  alias       bigint NOT NULL,
  series_id   int NOT NULL,
  PRIMARY KEY (gateway_id, revision, alias)
);

-- Payloads that can never be stored, raw, with the reason. `conflict`: same run and number, other content.
CREATE TABLE telemetry.dead_letter (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  received_at  timestamptz NOT NULL DEFAULT now(),
  gateway_id   uuid,
  topic        text NOT NULL,
  reason       text NOT NULL,
  detail       text NOT NULL,
  sha256       bytea NOT NULL,
  bytes_total  bigint NOT NULL,
  payload      bytea NOT NULL        -- the first MiB
);
CREATE UNIQUE INDEX dead_letter_once ON telemetry.dead_letter (sha256, topic, reason);

-- Single samples that cannot be stored as they are (impossible time, unknown alias) beside neighbours that can.
CREATE TABLE telemetry.quarantine (
  received_at  timestamptz NOT NULL DEFAULT now(),
  gateway_id   uuid NOT NULL,
  run_id       uuid NOT NULL,
  seq          bigint NOT NULL,
  alias        bigint NOT NULL,
  time_ns      bigint NOT NULL,
  value        text,
  quality      smallint NOT NULL,
  reason       text NOT NULL
);
CREATE INDEX quarantine_by_time ON telemetry.quarantine (received_at);

GRANT SELECT, INSERT, UPDATE ON telemetry.ledger TO lw_ingest;
GRANT SELECT, INSERT ON telemetry.sample, telemetry.text_sample, telemetry.batch, telemetry.catalog,
  telemetry.dead_letter, telemetry.quarantine TO lw_ingest;
GRANT SELECT ON telemetry.sample, telemetry.text_sample, telemetry.catalog TO lw_worker;
GRANT SELECT ON telemetry.sample, telemetry.text_sample TO lw_definer;
