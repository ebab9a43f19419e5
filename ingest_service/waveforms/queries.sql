-- Bursts, in by parts and out whole.

-- add_waveforms -- what the parts say of their bursts, where nobody has said it yet
INSERT INTO telemetry.waveform (id, series_id, start_at, start_ns, rate_hz, scale, dtype, n, parts, sha256)
SELECT DISTINCT ON (id) id, series_id, 'epoch'::timestamptz + start_ns / 1000 * interval '1 microsecond', start_ns,
       rate_hz, scale, dtype, n, parts, sha256
FROM unnest(%(ids)b::uuid[], %(series)s::int[], %(starts)b::bigint[], %(rates)b::float8[], %(scales)b::float8[],
            %(dtypes)s::text[], %(values)s::int[], %(wanted)s::int[], %(hashes)b::bytea[])
     AS new (id, series_id, start_ns, rate_hz, scale, dtype, n, parts, sha256)
ORDER BY id
ON CONFLICT (id) DO NOTHING;

-- add_parts -- the parts themselves
INSERT INTO telemetry.waveform_part (waveform_id, part, gateway_id, run_id, seq, clock, data)
SELECT * FROM unnest(%(ids)b::uuid[], %(places)s::int[], %(gateways)b::uuid[], %(runs)b::uuid[], %(numbers)s::bigint[],
                     %(clocks)s::smallint[], %(data)b::bytea[])
ON CONFLICT (waveform_id, part) DO NOTHING;

-- waveforms -- whole ones of some series, newest first
SELECT * FROM telemetry.waveforms(%(series)s::int[], %(since)s, %(until)s, %(most)s);

-- waveform -- one of them
SELECT * FROM telemetry.waveform_of(%(id)s);

-- data -- the parts of one, in order
SELECT part, data FROM telemetry.waveform_data(%(id)s) ORDER BY part;
