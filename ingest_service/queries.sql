-- open_accounts -- a ledger row for every run of the group, in the order in which they will be locked
INSERT INTO telemetry.ledger (gateway_id, run_id)
SELECT * FROM unnest(%(gateways)b::uuid[], %(runs)b::uuid[])
ON CONFLICT DO NOTHING;

-- lock_accounts -- what is committed of every run, locked until this transaction ends; and the database's clock
SELECT ledger.gateway_id, ledger.run_id, ledger.committed, extract(epoch FROM clock_timestamp())::float8 AS now_s
FROM telemetry.ledger
JOIN unnest(%(gateways)b::uuid[], %(runs)b::uuid[]) AS wanted (gateway_id, run_id) USING (gateway_id, run_id)
ORDER BY ledger.gateway_id, ledger.run_id
FOR UPDATE OF ledger;

-- stored_batches -- what is known of batches whose numbers are committed already
SELECT batch.gateway_id, batch.run_id, batch.seq, batch.sha256, batch.rejected
FROM telemetry.batch
JOIN unnest(%(gateways)b::uuid[], %(runs)b::uuid[], %(numbers)b::bigint[]) AS wanted (gateway_id, run_id, seq)
USING (gateway_id, run_id, seq);

-- copy_samples -- the rows of a group
COPY telemetry.sample (time, value, series_id, arrived, quality) FROM STDIN (FORMAT binary);

-- touch -- hours that got packs; nobody waits for anybody here, the packer sums them up
INSERT INTO telemetry.touched (hour) SELECT unnest(%(hours)s::timestamptz[]);

-- copy_texts -- the texts of a group
COPY telemetry.text_sample (time, series_id, quality, value) FROM STDIN (FORMAT binary);

-- add_batches -- the batches of a group, stored or rejected
INSERT INTO telemetry.batch (gateway_id, run_id, seq, sha256, samples, rejected)
SELECT * FROM unnest(%(gateways)b::uuid[], %(runs)b::uuid[], %(numbers)b::bigint[], %(hashes)b::bytea[],
                     %(samples)b::int[], %(rejected)s::text[]);

-- add_dead_letters -- raw payloads that can never be stored; the same one is kept once
INSERT INTO telemetry.dead_letter (gateway_id, topic, reason, detail, sha256, bytes_total, payload)
SELECT * FROM unnest(%(gateways)b::uuid[], %(topics)b::text[], %(reasons)b::text[], %(details)b::text[],
                     %(hashes)b::bytea[], %(sizes)b::bigint[], %(payloads)b::bytea[])
ON CONFLICT DO NOTHING;

-- add_strays -- samples that cannot be stored as they are
INSERT INTO telemetry.quarantine (gateway_id, run_id, seq, alias, time_ns, value, quality, reason)
SELECT * FROM unnest(%(gateways)b::uuid[], %(runs)b::uuid[], %(numbers)b::bigint[], %(aliases)b::bigint[],
                     %(times)b::bigint[], %(values)s::text[], %(qualities)b::smallint[], %(reasons)b::text[]);

-- advance_accounts -- what is committed after this group
UPDATE telemetry.ledger SET committed = new.committed::int8multirange, updated_at = now()
FROM unnest(%(gateways)b::uuid[], %(runs)b::uuid[], %(committed)b::text[]) AS new (gateway_id, run_id, committed)
WHERE ledger.gateway_id = new.gateway_id AND ledger.run_id = new.run_id;

-- make_partitions -- partitions for what comes next; and the database's clock
SELECT telemetry.make_partitions() AS made, extract(epoch FROM clock_timestamp())::float8 AS now_s;

-- life_of_database -- changes when the server starts again, and when the database is dropped and made anew
SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database();

-- database_place -- how large it is, and where it lies if that is this machine and we may know it
SELECT pg_database_size(current_database()) AS bytes, telemetry.data_folder() AS folder;

-- find_catalog -- which series each alias of a revision means
SELECT alias, series_id FROM telemetry.catalog WHERE gateway_id = %(gateway)s AND revision = %(revision)s;

-- add_catalog -- a revision keeps the meaning it was first stored with
INSERT INTO telemetry.catalog (gateway_id, revision, alias, series_id)
SELECT %(gateway)s, %(revision)s, alias, series_id
FROM unnest(%(aliases)b::bigint[], %(series)s::int[]) AS new (alias, series_id)
ON CONFLICT DO NOTHING;

-- gaps -- batches of a gateway that are not there, with the explanation; for ingest and the workers
SELECT run_id, first_seq, last_seq, explanation, reason, samples, since, until FROM telemetry.gap
WHERE gateway_id = %(gateway)s
ORDER BY run_id, first_seq LIMIT %(limit)s;

-- own_gaps -- the same of a gateway of the tenant of this transaction
SELECT run_id, first_seq, last_seq, explanation, reason, samples, since, until FROM telemetry.gaps(%(gateway)s)
ORDER BY run_id, first_seq LIMIT %(limit)s;

-- own_gateways -- the next ones of this tenant by slug
SELECT id, slug, name, online, since, heard_at, open_batches FROM telemetry.gateways()
WHERE slug > %(after)s ORDER BY slug LIMIT %(limit)s;

-- own_gateway -- one of this tenant
SELECT id, slug, name, online, since, heard_at, open_batches FROM telemetry.gateways() WHERE id = %(gateway)s;

-- forget_letters -- the old ones, and the oldest while all together are too large
DELETE FROM telemetry.dead_letter WHERE id IN (
  SELECT id FROM (SELECT id, received_at, sum(octet_length(payload)) OVER (ORDER BY id DESC) AS bytes
                  FROM telemetry.dead_letter) AS each
  WHERE received_at < now() - make_interval(days => %(days)s) OR bytes > %(bytes_most)s
  LIMIT %(most)s
);

-- forget_quarantine -- the old ones
DELETE FROM telemetry.quarantine WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM telemetry.quarantine WHERE received_at < now() - make_interval(days => %(days)s)
  LIMIT %(most)s
));

-- forget_waveforms -- the old ones with their parts, as many as `most`
DELETE FROM telemetry.waveform WHERE id = ANY (ARRAY(
  SELECT id FROM telemetry.waveform WHERE start_at < now() - make_interval(days => %(days)s)
  LIMIT %(most)s
));

-- forget_batches -- hashes of batches that no gateway repeats any more; their numbers stay in the ledger
DELETE FROM telemetry.batch WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM telemetry.batch WHERE committed_at < now() - make_interval(days => %(days)s)
  LIMIT %(most)s
));

-- forget_runs -- runs that were heard last so long ago, with what their gateways gave up
WITH gone AS (
  SELECT gateway_id, run_id FROM telemetry.ledger
  WHERE updated_at < now() - make_interval(days => %(days)s) AND run_id <> '00000000-0000-0000-0000-000000000000'
  LIMIT %(most)s FOR UPDATE SKIP LOCKED
), given_up AS (
  DELETE FROM telemetry.dropped USING gone
  WHERE (dropped.gateway_id, dropped.run_id) = (gone.gateway_id, gone.run_id)
)
DELETE FROM telemetry.ledger USING gone WHERE (ledger.gateway_id, ledger.run_id) = (gone.gateway_id, gone.run_id);
