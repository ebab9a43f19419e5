"""A frozen database, shortly; and figures that are beyond the limits."""

import pytest

from tests.chaos import frozen


@pytest.mark.chaos
@pytest.mark.long
async def test_memory_stays_bounded_and_all_goes_on():
    report = await frozen.run(seconds=8, seed=7)
    assert report["clean"], report
    assert not frozen.is_bounded(report["rss_mb"], report["recovered_s"], mb_most=5)  # it is measured, not assumed


@pytest.mark.parametrize(
    ("rss_mb", "recovered_s"),
    [({"broker": 10.0, "ingest": 301.0}, 1.0), ({"broker": 0.0, "ingest": 90.0}, 1.0), ({"broker": 10.0}, 61.0)],
)
def test_control_too_much_memory_and_too_late_a_recovery_are_found(rss_mb, recovered_s):
    assert not frozen.is_bounded(rss_mb, recovered_s)
