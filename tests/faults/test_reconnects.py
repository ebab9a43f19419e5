"""A8, shortened: whatever goes away, its data come again by themselves. In full: python -m tests.soak.reconnects."""

import random
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.reconnecting import Recoveries, open_plant, try_side_by_side

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

# Four test processes on two cores are slower than the field; the limits themselves are kept by the full run.
PATIENCE = 3


@pytest.fixture
def folder(fast_folder):
    made = Path(tempfile.mkdtemp(prefix="reconnects-", dir=fast_folder))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def short_down_s(chance: random.Random) -> float:
    return chance.uniform(0.3, 2.0)


async def control(plant) -> None:
    """What stays broken is late: a measurement that does not notice measures nothing."""
    (outage,) = [one for one in plant.of_devices if one.kind == "modbus-silent"]
    await outage.strike()
    took_s = await plant.returned_s(outage, 2.0)
    await outage.mend()
    assert Recoveries(limit_s=1.0, took_s=[took_s]).late == 1


async def test_everything_that_goes_away_comes_again(folder):
    async with open_plant(folder) as plant:
        await control(plant)
        found = {}
        for outages in (plant.of_devices, *([outage] for outage in plant.of_all)):
            trials = 1 if any(outage.silent for outage in outages) else 2
            found |= await try_side_by_side(plant, outages, trials, random.Random(1), short_down_s)
    print({kind: recoveries.told() for kind, recoveries in found.items()})
    assert len(found) == 11
    assert not {kind: each.took_s for kind, each in found.items() if max(each.took_s) > PATIENCE * each.limit_s}
