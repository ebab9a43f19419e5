-- counts -- how many samples the steps of each series hold
SELECT series_id, t0, n + bad AS rows
FROM telemetry.rollups(%(series)s::int[], %(since)s, %(until)s, %(step_s)s::int) ORDER BY series_id, t0;

-- count_texts -- how many texts each series has in a period, counted up to a limit
SELECT series_id, n FROM telemetry.count_texts(%(series)s::int[], %(since)s, %(until)s, %(most)s::int);

-- samples -- the first of a window; samples of one time stay together
SELECT time, value, NULL AS text, quality FROM telemetry.samples(%(series)s::int[], %(since)s, %(until)s)
ORDER BY time FETCH FIRST (%(most)s) ROWS WITH TIES;

-- texts -- the first of a window; texts of one time stay together
SELECT time, NULL::float8 AS value, value AS text, quality
FROM telemetry.first_texts(%(series)s::int[], %(since)s, %(until)s, %(most)s::int) ORDER BY time;

-- steps -- those of a window
SELECT t0 AS time, n, bad, mean, low, high, last
FROM telemetry.rollups(%(series)s::int[], %(since)s, %(until)s, %(step_s)s::int) ORDER BY t0;
