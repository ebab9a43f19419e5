-- create_run -- one row for each worth of samples at a start of the process, and more when a backlog is set apart from live data
CREATE TABLE run (
  run_no      INTEGER PRIMARY KEY,
  run_id      BLOB NOT NULL UNIQUE,
  revision    INTEGER NOT NULL,
  started_ns  INTEGER NOT NULL,
  keep        INTEGER NOT NULL DEFAULT 1,
  thinned     INTEGER NOT NULL DEFAULT 0,  -- how often its samples have been thinned
  sent_most   INTEGER NOT NULL DEFAULT 0   -- numbers up to here may have been published
);

-- create_catalog -- what the aliases of each revision mean, for as long as batches of it are here
CREATE TABLE catalog (
  revision  INTEGER PRIMARY KEY,
  body      BLOB NOT NULL
);

-- create_batch -- id = run_no << 40 | seq: unique and in order without an index; never updated, so written only once
CREATE TABLE batch (
  id        INTEGER PRIMARY KEY,
  samples   INTEGER NOT NULL,
  first_ns  INTEGER NOT NULL,
  last_ns   INTEGER NOT NULL,
  sha256    BLOB NOT NULL,
  body      BLOB NOT NULL
);

-- create_receipted -- ranges of batches that the cloud has, and since when: a few bytes for hundreds of batches
CREATE TABLE receipted (
  first_id  INTEGER PRIMARY KEY,
  last_id   INTEGER NOT NULL,
  at_ns     INTEGER NOT NULL,
  crc       INTEGER NOT NULL  -- a damaged range could pass for receipted what is not
);

-- create_dropped -- ranges that never reach the cloud: the space was needed, or the file was damaged
CREATE TABLE dropped (
  first_id   INTEGER PRIMARY KEY,
  last_id    INTEGER NOT NULL,
  samples    INTEGER NOT NULL,
  first_ns   INTEGER NOT NULL,
  last_ns    INTEGER NOT NULL,
  reason     TEXT NOT NULL
);

-- put_run -- under its number, which is never given again
INSERT INTO run (run_no, run_id, revision, started_ns, keep, thinned, sent_most)
VALUES (:run_no, :run_id, :revision, :started_ns, :keep, :thinned, :sent_most) ON CONFLICT (run_no) DO NOTHING;

-- runs -- oldest first; what was thinned is older than what was not
SELECT run_no, run_id, revision, started_ns, keep, thinned, sent_most FROM run ORDER BY thinned DESC, run_no;

-- delete_empty_runs -- runs of which nothing is left, but never the newest
DELETE FROM run WHERE run_no < (SELECT max(run_no) FROM run)
  AND NOT EXISTS (SELECT 1 FROM batch WHERE id BETWEEN run.run_no << 40 AND (run.run_no + 1 << 40) - 1)
  AND NOT EXISTS (SELECT 1 FROM dropped WHERE first_id BETWEEN run.run_no << 40 AND (run.run_no + 1 << 40) - 1);

-- may_be_sent -- before the first of these numbers is published
UPDATE run SET sent_most = :sent_most WHERE run_no = :run_no;

-- keep_catalog -- the same revision always has the same body
INSERT INTO catalog (revision, body) VALUES (:revision, :body) ON CONFLICT DO NOTHING;

-- delete_unused_catalogs -- revisions without a run
DELETE FROM catalog WHERE revision NOT IN (SELECT revision FROM run);

-- catalogs -- every revision that is still here
SELECT revision, body FROM catalog ORDER BY revision;

-- ranges -- what is here, as ranges of ids
SELECT min(id), max(id) FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS island FROM batch)
GROUP BY island ORDER BY 1;

-- insert_batch -- a new one
INSERT INTO batch (id, samples, first_ns, last_ns, sha256, body)
VALUES (:id, :samples, :first_ns, :last_ns, :sha256, :body);

-- replace_batch -- nobody has seen it yet, and its clock was wrong
UPDATE batch SET first_ns = :first_ns, last_ns = :last_ns, sha256 = :sha256, body = :body WHERE id = :id;

-- load -- one batch, to publish it
SELECT body, sha256 FROM batch WHERE id = :id;

-- newest -- of one run, newest first
SELECT body FROM batch WHERE id BETWEEN :first AND :last ORDER BY id DESC LIMIT :most;

-- about -- what is known of a batch
SELECT id, samples, first_ns, last_ns FROM batch WHERE id = :id;

-- delete_batch -- for ever
DELETE FROM batch WHERE id = :id;

-- insert_receipted -- a new range; where one begins there already, it is the same batches again
INSERT OR REPLACE INTO receipted (first_id, last_id, at_ns, crc) VALUES (:first_id, :last_id, :at_ns, :crc);

-- receipted -- every range
SELECT first_id, last_id, at_ns, crc FROM receipted ORDER BY first_id;

-- receipted_overlapping -- ranges that have something in common with this one
SELECT first_id, last_id, at_ns FROM receipted
WHERE first_id >= coalesce((SELECT max(first_id) FROM receipted WHERE first_id < :first), :first)
  AND first_id <= :last AND last_id >= :first;

-- delete_receipted -- one range
DELETE FROM receipted WHERE first_id = :first_id;

-- receipted_before -- the range that has had its receipt longest, if that was before this time
SELECT first_id, last_id, at_ns FROM receipted WHERE at_ns <= :before_ns ORDER BY at_ns, first_id LIMIT 1;

-- oldest -- the first batches of a range
SELECT id, samples, first_ns, last_ns FROM batch WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :most;

-- whole -- the batches of a range with all that belongs to them
SELECT id, samples, first_ns, last_ns, sha256, body FROM batch WHERE id BETWEEN :first AND :last ORDER BY id;

-- extend_dropped -- the range that ends right before grows
UPDATE dropped SET last_id = :id, samples = samples + :samples, first_ns = min(first_ns, :first_ns),
  last_ns = max(last_ns, :last_ns)
WHERE first_id = (SELECT max(first_id) FROM dropped WHERE first_id < :id) AND last_id = :id - 1 AND reason = :reason;

-- insert_dropped -- a new range
INSERT INTO dropped (first_id, last_id, samples, first_ns, last_ns, reason)
VALUES (:id, :id, :samples, :first_ns, :last_ns, :reason) ON CONFLICT DO NOTHING;

-- insert_dropped_range -- a whole range at once
INSERT INTO dropped (first_id, last_id, samples, first_ns, last_ns, reason)
VALUES (:first_id, :last_id, :samples, :first_ns, :last_ns, :reason) ON CONFLICT DO NOTHING;

-- delete_old_dropped -- the newest are enough: they have all been told
DELETE FROM dropped WHERE first_id NOT IN (SELECT first_id FROM dropped ORDER BY first_id DESC LIMIT 1000);

-- dropped -- newest ranges first
SELECT first_id, last_id, samples, first_ns, last_ns, reason FROM dropped ORDER BY first_id DESC LIMIT :most;

-- missing -- numbers that are not here between two that are, and all behind the last of each run
SELECT id + 1, coalesce(next_id, (id >> 40) + 1 << 40) - 1, last_ns, coalesce(next_ns, last_ns) FROM (
  SELECT id, last_ns, lead(id) OVER by_id AS next_id, lead(first_ns) OVER by_id AS next_ns
  FROM batch WINDOW by_id AS (PARTITION BY id >> 40 ORDER BY id)
) WHERE next_id IS NULL OR next_id > id + 1;

-- rename_batch_1 -- layout 1 had the payloads apart and the receipts in the rows
ALTER TABLE batch RENAME TO batch_1;

-- rename_payload_1 -- see rename_batch_1
ALTER TABLE payload RENAME TO payload_1;

-- drop_batch_receipted_1 -- see rename_batch_1
DROP INDEX batch_receipted;

-- add_keep_1 -- all samples were worth the same
ALTER TABLE run ADD COLUMN keep INTEGER NOT NULL DEFAULT 1;

-- add_thinned_1 -- none was thinned
ALTER TABLE run ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;

-- add_sent_most_1 -- nobody knows what was published
ALTER TABLE run ADD COLUMN sent_most INTEGER NOT NULL DEFAULT 1099511627775;

-- moving_from_1 -- whether batches of layout 1 are still to be moved
SELECT count(*) FROM sqlite_schema WHERE name = 'payload_1';

-- block_of_1 -- the oldest batches that are not moved yet
SELECT id, samples, first_ns, last_ns, sha256, body, receipted_ns FROM batch_1 JOIN payload_1 USING (id)
ORDER BY id LIMIT :most;

-- delete_batch_1 -- moved
DELETE FROM batch_1 WHERE id = :id;

-- delete_payload_1 -- moved
DELETE FROM payload_1 WHERE id = :id;

-- drop_batch_1 -- all are moved
DROP TABLE batch_1;

-- drop_payload_1 -- all are moved
DROP TABLE payload_1;

-- columns -- what a table is made of
SELECT name, pk FROM pragma_table_info(:name);

-- tables -- what is laid out
SELECT name FROM sqlite_schema WHERE type = 'table';
