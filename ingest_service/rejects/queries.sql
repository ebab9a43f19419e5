-- Dead letters and the quarantine, for people.

-- letters -- newest first
SELECT letter.id, letter.received_at, letter.topic, letter.reason, letter.detail, letter.bytes_total,
       octet_length(letter.payload) AS bytes_kept, letter.attempts, letter.replayed_at, letter.outcome
FROM telemetry.dead_letter AS letter
WHERE (%(reason)s::text IS NULL OR letter.reason = %(reason)s)
  AND (%(since)s::timestamptz IS NULL OR letter.received_at >= %(since)s)
  AND (%(replayed)s OR letter.replayed_at IS NULL)
  AND (%(gateway)s::text IS NULL OR split_part(letter.topic, '/', 4) = %(gateway)s
       OR letter.gateway_id IN (SELECT id FROM registry.gateway WHERE slug = %(gateway)s))
ORDER BY letter.received_at DESC, letter.id DESC LIMIT %(limit)s;

-- letter -- one with its payload; `locked` until this transaction ends
SELECT id, received_at, topic, reason, detail, bytes_total, octet_length(payload) AS bytes_kept, attempts, replayed_at,
       outcome, payload, sha256
FROM telemetry.dead_letter WHERE id = %(id)s
FOR UPDATE;

-- settle -- the letter is done with, in the transaction that stored what it holds
UPDATE telemetry.dead_letter SET replayed_at = now(), outcome = %(outcome)s WHERE id = %(id)s;

-- keep -- it failed again: the reason is the new one
UPDATE telemetry.dead_letter SET attempts = attempts + 1, reason = %(reason)s, detail = %(detail)s WHERE id = %(id)s;

-- reopen_batch -- a number that stands for nothing but this refused payload
DELETE FROM telemetry.batch
WHERE (gateway_id, run_id, seq) = (%(gateway)s, %(run)s, %(seq)s) AND sha256 = %(sha256)s AND rejected IS NOT NULL;

-- reopen_number -- is free again, for the writer to decide
UPDATE telemetry.ledger SET committed = committed - int8multirange(int8range(%(seq)s, %(seq)s, '[]'))
WHERE (gateway_id, run_id) = (%(gateway)s, %(run)s);

-- now_s -- the database's clock
SELECT extract(epoch FROM clock_timestamp())::float8 AS now_s;

-- quarantined -- samples that were set aside, by gateway, alias and reason, the newest first
SELECT tenant.slug AS tenant, gateway.slug AS gateway, stray.alias, stray.reason, count(*) AS samples,
       min(stray.received_at) AS first_at, max(stray.received_at) AS last_at,
       (array_agg(stray.value ORDER BY stray.received_at DESC))[1] AS value,
       (array_agg(stray.time_ns ORDER BY stray.received_at DESC))[1] AS time_ns
FROM telemetry.quarantine AS stray
LEFT JOIN registry.gateway ON gateway.id = stray.gateway_id
LEFT JOIN registry.tenant ON tenant.tenant_id = gateway.tenant_id
WHERE (%(reason)s::text IS NULL OR stray.reason = %(reason)s)
  AND (%(since)s::timestamptz IS NULL OR stray.received_at >= %(since)s)
  AND (%(gateway)s::text IS NULL OR gateway.slug = %(gateway)s)
GROUP BY 1, 2, 3, 4 ORDER BY last_at DESC LIMIT %(limit)s;
