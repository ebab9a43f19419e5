"""kill -9 at random moments of gateway, broker, ingest, packer and database: nothing lost, nothing twice."""

import pytest

from tests.chaos.killing import run

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(300)]


async def test_nothing_is_lost_and_nothing_is_there_twice():
    report = await run(kills=4, seed=7, apart_s=(0.5, 3.0))
    print(report)
    assert report["kills"] == 20
    assert all(report["restarts"][name] >= 4 for name in ("gateway-gw-1", "broker", "ingest", "pack", "database"))
    assert report["produced"] > 1000
    assert (report["missing"], report["duplicated"], report["wrong"]) == (0, 0, 0), report["examples"]
