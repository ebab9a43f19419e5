-- create_run -- one row a start of the process, and more when a backlog is set apart from live data
CREATE TABLE run (
  run_no      INTEGER PRIMARY KEY,
  run_id      BLOB NOT NULL UNIQUE,
  revision    INTEGER NOT NULL,
  started_ns  INTEGER NOT NULL
);

-- create_catalog -- what the aliases of each revision mean, for as long as batches of it are here
CREATE TABLE catalog (
  revision  INTEGER PRIMARY KEY,
  body      BLOB NOT NULL
);

-- create_batch -- id = run_no << 40 | seq: unique and in order without an index of its own
CREATE TABLE batch (
  id            INTEGER PRIMARY KEY,
  revision      INTEGER NOT NULL,
  samples       INTEGER NOT NULL,
  first_ns      INTEGER NOT NULL,
  last_ns       INTEGER NOT NULL,
  sha256        BLOB NOT NULL,
  receipted_ns  INTEGER
);

-- create_batch_receipted -- finds what may be deleted
CREATE INDEX batch_receipted ON batch (receipted_ns) WHERE receipted_ns IS NOT NULL;

-- create_payload -- apart from batch, so that marking a receipt does not write the payload again
CREATE TABLE payload (
  id    INTEGER PRIMARY KEY,
  body  BLOB NOT NULL
);

-- create_dropped -- ranges that never reached the cloud: the space was needed, or the file was damaged
CREATE TABLE dropped (
  first_id   INTEGER PRIMARY KEY,
  last_id    INTEGER NOT NULL,
  samples    INTEGER NOT NULL,
  first_ns   INTEGER NOT NULL,
  last_ns    INTEGER NOT NULL,
  reason     TEXT NOT NULL
);

-- insert_run -- run_no counts up
INSERT INTO run (run_id, revision, started_ns) VALUES (:run_id, :revision, :started_ns);

-- runs -- oldest first
SELECT run_no, run_id, revision, started_ns FROM run ORDER BY run_no;

-- delete_empty_runs -- runs of which nothing is left, but never the newest
DELETE FROM run WHERE run_no < (SELECT max(run_no) FROM run)
  AND NOT EXISTS (SELECT 1 FROM batch WHERE id BETWEEN run.run_no << 40 AND (run.run_no + 1 << 40) - 1)
  AND NOT EXISTS (SELECT 1 FROM dropped WHERE first_id BETWEEN run.run_no << 40 AND (run.run_no + 1 << 40) - 1);

-- keep_catalog -- the same revision always has the same body
INSERT INTO catalog (revision, body) VALUES (:revision, :body) ON CONFLICT DO NOTHING;

-- delete_unused_catalogs -- revisions without a run
DELETE FROM catalog WHERE revision NOT IN (SELECT revision FROM run);

-- catalogs -- every revision that is still here
SELECT revision, body FROM catalog ORDER BY revision;

-- batches -- what is here of every run
SELECT id, receipted_ns IS NOT NULL FROM batch ORDER BY id;

-- insert_batch -- with its payload, in one transaction
INSERT INTO batch (id, revision, samples, first_ns, last_ns, sha256)
VALUES (:id, :revision, :samples, :first_ns, :last_ns, :sha256);

-- insert_payload -- with its batch, in one transaction
INSERT INTO payload (id, body) VALUES (:id, :body);

-- load -- one batch, to publish it
SELECT payload.body, batch.sha256 FROM payload JOIN batch USING (id) WHERE id = :id;

-- newest -- the last batches before this one, newest first
SELECT payload.body FROM payload JOIN batch USING (id) WHERE id < :before ORDER BY id DESC LIMIT :most;

-- mark -- the cloud has these, or (with NULL) has lost them again
UPDATE batch SET receipted_ns = :receipted_ns
WHERE id BETWEEN :first AND :last AND (receipted_ns IS NULL) = (:receipted_ns IS NOT NULL);

-- expired -- a block of batches whose time is up
SELECT id FROM batch WHERE receipted_ns < :before_ns ORDER BY receipted_ns LIMIT :most;

-- receipted_block -- the batches that are worth least: receipted longest ago
SELECT id FROM batch WHERE receipted_ns IS NOT NULL ORDER BY receipted_ns LIMIT :most;

-- open_block -- the oldest batches without a receipt
SELECT id, samples, first_ns, last_ns FROM batch WHERE receipted_ns IS NULL ORDER BY id LIMIT :most;

-- one_batch -- what is known of a batch
SELECT id, samples, first_ns, last_ns FROM batch WHERE id = :id;

-- delete_batch -- with its payload, in one transaction
DELETE FROM batch WHERE id = :id;

-- delete_payload -- with its batch, in one transaction
DELETE FROM payload WHERE id = :id;

-- extend_dropped -- the range that ends right before grows
UPDATE dropped SET last_id = :id, samples = samples + :samples, first_ns = min(first_ns, :first_ns),
  last_ns = max(last_ns, :last_ns)
WHERE first_id = (SELECT max(first_id) FROM dropped WHERE first_id < :id) AND last_id = :id - 1 AND reason = :reason;

-- insert_dropped -- a new range
INSERT INTO dropped (first_id, last_id, samples, first_ns, last_ns, reason)
VALUES (:id, :id, :samples, :first_ns, :last_ns, :reason);

-- dropped -- newest ranges first
SELECT first_id, last_id, samples, first_ns, last_ns, reason FROM dropped ORDER BY first_id DESC LIMIT :most;

-- salvage -- one batch of a damaged spool
SELECT revision, samples, first_ns, last_ns, receipted_ns, sha256, body FROM batch JOIN payload USING (id)
WHERE id = :id;

-- salvage_run -- under its old number
INSERT INTO run (run_no, run_id, revision, started_ns) VALUES (:run_no, :run_id, :revision, :started_ns)
ON CONFLICT DO NOTHING;

-- salvage_batch -- as it was
INSERT INTO batch (id, revision, samples, first_ns, last_ns, sha256, receipted_ns)
VALUES (:id, :revision, :samples, :first_ns, :last_ns, :sha256, :receipted_ns);

-- ids_from_front -- until the damage
SELECT id FROM batch ORDER BY id;

-- ids_from_back -- until the damage
SELECT id FROM batch ORDER BY id DESC;
