-- lock_arrival -- held to the end of the transaction by everybody who writes hot rows: no slice is closed meanwhile
SELECT pg_advisory_xact_lock_shared(hashtext('telemetry.packing'));

-- arrival -- the minute that rows written now carry; only valid under lock_arrival
SELECT greatest(closed_until, (extract(epoch FROM clock_timestamp())::bigint / 60)::int) FROM telemetry.packing;

-- state -- what is closed and packed, the minute it is, and how much is not closed, not packed, or packed and still there
SELECT closed_until, packed_until, (extract(epoch FROM clock_timestamp())::bigint / 60)::int AS now_min,
       coalesce(sum(bytes) FILTER (WHERE until > closed_until), 0)::bigint AS open_bytes,
       coalesce(sum(bytes) FILTER (WHERE until > packed_until), 0)::bigint AS hot_bytes,
       coalesce(sum(bytes) FILTER (WHERE until <= packed_until), 0)::bigint AS held_bytes
FROM telemetry.packing LEFT JOIN telemetry.hot_parts() ON true GROUP BY closed_until, packed_until;

-- hot_parts -- hot partitions that hold something in [first, until)
SELECT greatest(first, %(first)s) AS first, least(until, %(until)s) AS until, bytes
FROM telemetry.hot_parts() WHERE bytes > 0 AND first < %(until)s AND until > %(first)s ORDER BY 1;

-- patience -- how long to wait for a lock, behind which everybody else would queue
SET LOCAL lock_timeout = '500ms';

-- take_packing -- for this transaction alone; nothing when another packer is at it
SELECT FROM telemetry.packing FOR UPDATE SKIP LOCKED;

-- lock_writers -- wait until no transaction writes hot rows
SELECT pg_advisory_xact_lock(hashtext('telemetry.packing'));

-- close -- from now on rows below are complete
UPDATE telemetry.packing SET closed_until = %(until)s WHERE closed_until < %(until)s;

-- take_slice -- what is closed and not packed, for this transaction alone
SELECT packed_until, closed_until FROM telemetry.packing WHERE packed_until < closed_until FOR UPDATE SKIP LOCKED;

-- use_brin -- without statistics the planner would read every row for each piece of a slice
SET LOCAL enable_seqscan = off;

-- rows_of_series -- the series of a slice, and how many rows there are of each
SELECT array_send(array_agg(series_id)), array_send(array_agg(n))
FROM (SELECT series_id, count(*) AS n FROM telemetry.sample WHERE arrived >= %(first)s AND arrived < %(until)s
      GROUP BY 1 ORDER BY 1) AS each;

-- hot_samples -- some series of a slice, a column each; a value that is not there is a bit of its quality
SELECT array_send(array_agg(series_id)), array_send(array_agg(time)), array_send(array_agg(coalesce(value, 0))),
       array_send(array_agg(quality::int | CASE WHEN value IS NULL THEN 65536 ELSE 0 END))
FROM telemetry.sample
WHERE arrived >= %(first)s AND arrived < %(until)s AND series_id >= %(low)s AND series_id <= %(high)s;

-- copy_packs -- packs with their rollups
COPY telemetry.pack ({columns}) FROM STDIN (FORMAT binary);

-- packed -- rows below are in packs, together with the packs themselves
UPDATE telemetry.packing SET packed_until = %(until)s, packed_by = pg_current_xact_id();

-- touch -- hours that got packs
INSERT INTO telemetry.unmerged (hour)
SELECT * FROM unnest(%(hours)s::timestamptz[])
ON CONFLICT (hour) DO UPDATE SET touched_at = now(), merged_up_to = 0;

-- note_touched -- hours into which writers put packs, since this was asked last
WITH touched AS (DELETE FROM telemetry.touched RETURNING hour)
INSERT INTO telemetry.unmerged (hour) SELECT DISTINCT hour FROM touched ORDER BY hour
ON CONFLICT (hour) DO UPDATE SET touched_at = now(), merged_up_to = 0;

-- drop_packed -- packed partitions that no snapshot needs any more
SELECT telemetry.drop_packed();

-- summarize -- make new hot pages known to their BRIN
SELECT telemetry.summarize();

-- take_hour -- an hour that is over and into which nothing has come for a while, for this transaction alone
SELECT hour, merged_up_to FROM telemetry.unmerged
WHERE hour + interval '1 hour' + make_interval(secs => %(quiet_s)s) < now()
  AND touched_at + make_interval(secs => %(quiet_s)s) < now()
ORDER BY hour LIMIT 1 FOR UPDATE SKIP LOCKED;

-- split_series -- of the next series, those whose packs of an hour are many and small: how many samples they hold
SELECT s.series_id, coalesce(p.samples, 0)::bigint AS samples
FROM (SELECT series_id FROM registry.tag WHERE series_id > %(after)s ORDER BY series_id LIMIT %(most)s) s
LEFT JOIN LATERAL (
  SELECT sum(n + bad) AS samples FROM telemetry.pack
  WHERE pack.series_id = s.series_id AND t0 >= %(hour)s AND t0 < %(hour)s + interval '1 hour'
  HAVING count(*) > 1 AND avg(n + bad) < %(small)s
) p ON true
ORDER BY s.series_id;

-- take_packs -- packs of an hour go, and come back as columns; those whose samples are forgotten stay
WITH gone AS (
  DELETE FROM telemetry.pack p
  WHERE p.series_id = ANY (%(series)s) AND p.t0 >= %(hour)s AND p.t0 < %(hour)s + interval '1 hour'
    AND num_nonnulls(p.code, p.single, p.value) > 0
  RETURNING series_id, t0, step_us, origin, divisor, n, bad, jitter, dt, levels, quality,
    -- a value that is not there stands at a place of its own, and 0 in its place
    CASE WHEN bad > 0 THEN array_replace(code, NULL, 0::int2) ELSE code END AS code,
    CASE WHEN bad > 0 THEN array_replace(single, NULL, 0::float4) ELSE single END AS single,
    CASE WHEN bad > 0 THEN array_replace(value, NULL, 0::float8) ELSE value END AS value,
    CASE WHEN bad = 0 THEN NULL
         WHEN code IS NOT NULL THEN array_positions(code, NULL)
         WHEN single IS NOT NULL THEN array_positions(single, NULL)
         ELSE array_positions(value, NULL) END AS absent
)
SELECT array_send(array_agg(series_id)), array_send(array_agg(t0)), array_send(array_agg(step_us)),
       array_send(array_agg(n + bad)), array_send(array_agg(bad)),
       array_send(array_agg(coalesce(origin, 0))), array_send(array_agg(coalesce(divisor, 1))),
       array_send(array_agg(coalesce(cardinality(levels), 0))), array_send(array_agg((quality IS NOT NULL)::int)),
       array_send(array_agg(CASE WHEN jitter IS NOT NULL THEN 1 WHEN dt IS NOT NULL THEN 2 ELSE 0 END)),
       array_send(array_agg(CASE WHEN levels IS NOT NULL THEN 1 WHEN code IS NOT NULL THEN 0
                                 WHEN single IS NOT NULL THEN 2 ELSE 3 END)),
       string_agg(array_send(jitter), ''), string_agg(array_send(dt), ''), string_agg(array_send(code), ''),
       string_agg(array_send(levels), ''), string_agg(array_send(single), ''), string_agg(array_send(value), ''),
       string_agg(array_send(quality), ''), string_agg(array_send(absent), '')
FROM gone;

-- merged_up_to -- so far this hour is done
UPDATE telemetry.unmerged SET merged_up_to = %(series)s WHERE hour = %(hour)s;

-- merged -- nothing to do in this hour any more
DELETE FROM telemetry.unmerged WHERE hour = %(hour)s;

-- forget_samples -- some packs with old samples: only their rollups stay
UPDATE telemetry.pack
SET jitter = NULL, dt = NULL, code = NULL, levels = NULL, single = NULL, value = NULL, quality = NULL
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM telemetry.pack WHERE t0 < now() - make_interval(days => %(days)s) - interval '1 hour'
    AND num_nonnulls(code, single, value) > 0 LIMIT %(most)s));

-- forget_rollups -- some packs that are old altogether
DELETE FROM telemetry.pack
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM telemetry.pack WHERE t0 < now() - make_interval(days => %(days)s) - interval '1 hour' LIMIT %(most)s));

-- forget_texts -- some old texts
DELETE FROM telemetry.text_sample
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM telemetry.text_sample WHERE time < now() - make_interval(days => %(days)s) LIMIT %(most)s));
