"""kill -9 at random moments of gateway, broker, ingest and database, five times each: nothing lost, nothing twice."""

import pytest

from tests.chaos.killing import run

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(300)]


async def test_nothing_is_lost_and_nothing_is_there_twice():
    report = await run(kills=5, seed=7)
    print(report)
    assert report["kills"] == 20
    assert all(report["restarts"][name] >= 5 for name in ("gateway-gw-1", "broker", "ingest", "database"))
    assert report["produced"] > 1000
    assert (report["missing"], report["duplicated"], report["wrong"]) == (0, 0, 0), report["examples"]
