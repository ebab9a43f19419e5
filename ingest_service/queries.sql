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

-- make_partitions -- partitions for the days to come; and the database's clock
SELECT telemetry.make_partitions() AS made, extract(epoch FROM clock_timestamp())::float8 AS now_s;

-- drop_samples -- what arrived before the retention period
SELECT telemetry.drop_samples(make_interval(days => %(days)s)) AS dropped;

-- find_catalog -- which series each alias of a revision means
SELECT alias, series_id FROM telemetry.catalog WHERE gateway_id = %(gateway)s AND revision = %(revision)s;

-- add_catalog -- a revision keeps the meaning it was first stored with
INSERT INTO telemetry.catalog (gateway_id, revision, alias, series_id)
SELECT %(gateway)s, %(revision)s, alias, series_id
FROM unnest(%(aliases)b::bigint[], %(series)s::int[]) AS new (alias, series_id)
ON CONFLICT DO NOTHING;

-- history -- one look at a period: points (single samples if they are few enough) and the edges of what is BAD
WITH picked AS MATERIALIZED (
  SELECT series_id, extract(epoch FROM time)::float8 AS at_s, value, quality::int AS code
  FROM telemetry.samples(%(series)s, %(since)s, %(until)s)
), longest AS (
  SELECT coalesce(max(n), 0) AS n FROM (SELECT count(*) AS n FROM picked WHERE value IS NOT NULL GROUP BY series_id) AS each
), points AS (
  SELECT series_id,
         CASE WHEN (SELECT n FROM longest) <= %(points)s THEN at_s ELSE floor(at_s / %(step_s)s) * %(step_s)s END AS at_s,
         avg(value) AS mean, min(value) AS low, max(value) AS high
  FROM picked WHERE value IS NOT NULL GROUP BY 1, 2
), coded AS (
  SELECT series_id, at_s, code FROM picked
  WHERE series_id IN (SELECT series_id FROM picked WHERE code >> 8 >= 2)  -- most series have nothing to sort here
  UNION ALL
  SELECT series_id, extract(epoch FROM time)::float8, quality FROM telemetry.texts(%(series)s, %(since)s, %(until)s)
), walked AS (
  SELECT series_id, at_s, code, lag(code) OVER (PARTITION BY series_id ORDER BY at_s) AS before FROM coded
)
SELECT series_id, at_s * 1000 AS at_ms, mean, low, high, NULL::int AS code, (SELECT n FROM longest) AS longest FROM points
UNION ALL
SELECT series_id, at_s * 1000, NULL, NULL, NULL, code, NULL FROM walked
WHERE (code >> 8 >= 2 OR before >> 8 >= 2) AND code IS DISTINCT FROM before
ORDER BY series_id, at_ms;

-- latest_samples -- the newest number and the newest text of each series
(SELECT DISTINCT ON (series_id) series_id, time, value, NULL AS text, quality
 FROM telemetry.samples(%(series)s, now() - %(within)s, now() + interval '10 minutes')
 ORDER BY series_id, time DESC)
UNION ALL
(SELECT DISTINCT ON (series_id) series_id, time, NULL, value, quality
 FROM telemetry.texts(%(series)s, now() - %(within)s, now() + interval '10 minutes')
 ORDER BY series_id, time DESC);

-- gaps -- numbers of a gateway that are missing below the highest one of their run, and when their neighbours came
SELECT run_id, lower(hole) AS first_seq, upper(hole) - 1 AS last_seq,
       (SELECT committed_at FROM telemetry.batch
        WHERE (gateway_id, run_id, seq) = (ledger.gateway_id, ledger.run_id, lower(hole) - 1)) AS after,
       (SELECT committed_at FROM telemetry.batch
        WHERE (gateway_id, run_id, seq) = (ledger.gateway_id, ledger.run_id, upper(hole))) AS before
FROM telemetry.ledger, unnest(int8multirange(int8range(1, greatest(upper(committed), 1))) - committed) AS hole
WHERE gateway_id = %(gateway)s
ORDER BY started_at, run_id, first_seq;
