"""What is stored, against what was sent: counts what is missing, there twice, or another value."""

from typing import NamedTuple

import numpy as np
import psycopg

from tests.ingest_service.ingest_parts import NOW_NS

STEP_NS = 1_000_000


class Finding(NamedTuple):
    """The answer of the checker; all zeros but `stored` means clean."""

    stored: int
    missing: int
    duplicated: int
    wrong: int


CLEAN_BUT = (0, 0, 0)


def truth(run_number: int, seq: int, n: int = 20) -> tuple[list[float], list[int]]:
    """Values and times of a batch: told by run and number alone, and different for every sample."""
    values = [run_number * 1e9 + seq * 1e3 + alias for alias in range(n)]
    return values, [NOW_NS - 10**12 + (run_number * 10_000 + seq) * STEP_NS] * n


def check(dsn: str, sent: dict[int, set[int]], n: int = 20) -> Finding:
    """`sent`: run number → the batch numbers that must be stored, once."""
    expected = {
        (100 + alias, time_ns // 1000): value
        for run_number, numbers in sent.items()
        for seq in numbers
        for alias, (value, time_ns) in enumerate(zip(*truth(run_number, seq, n), strict=True))
    }
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT series_id, (extract(epoch FROM time) * 1000000)::bigint, value FROM telemetry.stored"
        ).fetchall()
    keys = [(series, time_us) for series, time_us, _ in rows]
    wrong = sum(expected.get((series, time_us)) != value for series, time_us, value in rows)
    return Finding(len(rows), len(expected.keys() - set(keys)), len(keys) - len(set(keys)), int(np.sum(wrong)))
