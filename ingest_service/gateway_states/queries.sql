-- What gateways say of themselves.

-- put_states -- the newest words; a row is only written when they differ
INSERT INTO telemetry.gateway_state AS known (gateway_id, online, runs, revision, open_batches, set_aside)
SELECT gateway_id, online, runs::uuid[], revision, open_batches, set_aside
FROM unnest(%(gateways)b::uuid[], %(online)b::bool[], %(runs)b::text[], %(revisions)s::bigint[],
            %(open_batches)s::bigint[], %(set_aside)s::text[])
  AS new (gateway_id, online, runs, revision, open_batches, set_aside)
ON CONFLICT (gateway_id) DO UPDATE SET
  online = excluded.online,
  since = CASE WHEN known.online = excluded.online THEN known.since ELSE now() END,
  heard_at = now(),
  -- The will of a gateway that is gone says nothing but that.
  runs = CASE WHEN excluded.open_batches IS NULL THEN known.runs ELSE excluded.runs END,
  revision = coalesce(excluded.revision, known.revision),
  open_batches = coalesce(excluded.open_batches, known.open_batches),
  set_aside = CASE WHEN excluded.open_batches IS NULL THEN known.set_aside ELSE excluded.set_aside END
WHERE (known.online, known.open_batches, known.revision, known.runs) IS DISTINCT FROM
      (excluded.online, coalesce(excluded.open_batches, known.open_batches), coalesce(excluded.revision, known.revision),
       CASE WHEN excluded.open_batches IS NULL THEN known.runs ELSE excluded.runs END);

-- put_dropped -- a range may have grown since it was told; it never shrinks
INSERT INTO telemetry.dropped AS known (gateway_id, run_id, first_seq, last_seq, samples, first_time, last_time, reason)
SELECT gateway_id, run_id, first_seq, last_seq, samples,
       to_timestamp(first_ns / 1e9), to_timestamp(last_ns / 1e9), reason
FROM unnest(%(gateways)b::uuid[], %(runs)b::uuid[], %(first)b::bigint[], %(last)b::bigint[], %(samples)b::bigint[],
            %(first_ns)b::bigint[], %(last_ns)b::bigint[], %(reasons)b::text[])
  AS new (gateway_id, run_id, first_seq, last_seq, samples, first_ns, last_ns, reason)
ON CONFLICT (gateway_id, run_id, first_seq) DO UPDATE SET
  last_seq = excluded.last_seq, samples = excluded.samples, first_time = excluded.first_time,
  last_time = excluded.last_time, reason = excluded.reason, told_at = now()
WHERE excluded.last_seq > known.last_seq OR excluded.samples > known.samples;
