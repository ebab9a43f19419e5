"""Permanent holes, shortly; and a gateway that never begins a new run."""

from edge_gateway.uplink.delivery import Delivery
from tests.chaos import ragged


class OneRun(Delivery):
    """What the gateway must not do."""

    def wants_new_run(self, now_s: float) -> bool:
        return False


async def test_a_ledger_with_holes_stays_small():
    report = await ragged.run(40_000, seed=7)
    assert report["clean"], report
    assert report["runs"] > 1


def test_control_a_gateway_that_never_begins_a_new_run_is_found():
    report = ragged.play(40_000, 7, OneRun())
    assert report["ranges_most"] > ragged.RANGES_MOST
    assert not report["clean"]
