"""Samples of a clock in doubt: marked, moved when the time is known, and nobody else's stamps touched."""

import numpy as np

from edge_gateway.clock.doubt import DOUBTED, Correction, corrected, doubted
from protocols.sample import GOOD, Column, Reason, ValueKind, bad, quality_code

HERE = np.array([True, True, False, False])
TIMEOUT = bad(Reason.TIMEOUT)
STALE = quality_code(1, Reason.STALE)


def column(codes: list[int], time_ns: int = 1000) -> tuple[Column]:
    n = len(codes)
    return (
        Column(
            ValueKind.FLOAT,
            np.arange(n, dtype=np.uint32),
            np.full(n, time_ns, np.int64),
            np.arange(n, dtype=float),
            np.array(codes, np.uint16),
        ),
    )


def test_only_good_samples_of_our_own_stamp_come_into_doubt():
    (marked,) = doubted(column([GOOD, TIMEOUT, GOOD, STALE]), HERE)
    assert marked.code.tolist() == [DOUBTED, TIMEOUT, GOOD, STALE]
    assert marked.time_ns.tolist() == [1000] * 4


def test_the_right_time_moves_ours_and_spares_the_servers():
    (moved,) = corrected(column([DOUBTED, TIMEOUT, GOOD, DOUBTED]), Correction(HERE, -300))
    assert moved.time_ns.tolist() == [700, 700, 1000, 700]
    assert moved.code.tolist() == [GOOD, TIMEOUT, GOOD, GOOD]
    assert moved.value.tolist() == [0, 1, 2, 3]


def test_doubt_and_correction_undo_each_other():
    before = column([GOOD, TIMEOUT, GOOD, STALE])
    (after,) = corrected(doubted(before, HERE), Correction(HERE, 0))
    assert after.code.tolist() == before[0].code.tolist()
    assert after.code.dtype == np.uint16
    assert after.time_ns.dtype == np.int64
