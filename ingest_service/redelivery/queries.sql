-- What came lately from sources without a sequence.

-- read_recent -- rows of these gateways that are new to this worker, the newest that fit into its memory, oldest first
SELECT gateway_id, id, arrived, hashes FROM (
  SELECT recent.*, sum(octet_length(hashes)) OVER (ORDER BY id DESC) AS bytes
  FROM telemetry.recent
  JOIN unnest(%(gateways)b::uuid[], %(last_ids)b::bigint[]) AS wanted (gateway_id, last_id) USING (gateway_id)
  WHERE id > last_id AND arrived >= %(since)s
) AS newest
WHERE bytes <= %(bytes_most)s
ORDER BY id;

-- add_recent -- the hashes of what this transaction stores
INSERT INTO telemetry.recent (gateway_id, arrived, hashes)
SELECT gateway_id, %(minute)s, hashes FROM unnest(%(gateways)b::uuid[], %(hashes)b::bytea[]) AS new (gateway_id, hashes);

-- forget_recent -- what left the window, so many at most
DELETE FROM telemetry.recent WHERE id IN (
  SELECT id FROM (SELECT id, arrived FROM telemetry.recent ORDER BY id LIMIT %(most)s) AS oldest WHERE arrived < %(before)s
);

-- minute_now -- the database's clock, as `arrived` counts it
SELECT (extract(epoch FROM clock_timestamp()) / 60)::int;
