-- Writers make packs, too, of what comes in bulk. A row for each transaction and hour it put packs into: on
-- telemetry.unmerged itself, where there is one row for an hour, all writers would wait for each other's commit.
CREATE TABLE telemetry.touched (hour timestamptz NOT NULL);
GRANT SELECT, INSERT, DELETE ON telemetry.touched TO lw_ingest;

-- A group holds some gateways and not those between them, so least and greatest series of a few pages say little: eight
-- of them do. Ten minutes of one tag among 1.2 million rows: 480 pages instead of 5,072.
DROP INDEX telemetry.sample_lookup;
CREATE INDEX sample_lookup ON telemetry.sample
  USING brin (series_id int4_minmax_multi_ops (values_per_range = 8), time, arrived) WITH (pages_per_range = 4);
