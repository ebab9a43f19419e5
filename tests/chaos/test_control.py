"""The storm of kills with a gateway that is wrong on purpose: the checker has to see it lose."""

import pytest

from tests.chaos.killing import FORGETS_ON_PUBACK, run

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(300)]


async def test_control_forgetting_on_puback_loses():
    """The same storm with a gateway that believes the broker's acknowledgement: the checker has to find the loss.

    A kill has to meet a batch on its way; where by chance none does, the next storm is tried.
    """
    for seed in (7, 8, 9):
        report = await run(kills=4, seed=seed, gateway=FORGETS_ON_PUBACK, apart_s=(0.5, 3.0))
        print(report)
        if report["missing"]:
            return
    pytest.fail("three storms, and nothing was lost: this checker checks nothing")
