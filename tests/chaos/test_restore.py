"""A database that goes back, shortly; and a gateway that keeps nothing of what is receipted."""

import itertools

import pytest

from tests.chaos import restore
from tests.chaos.floor import Machine, floor_box
from tests.chaos.plant import open_plant

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(240)]


async def test_the_gateway_sends_again_what_the_database_has_lost():
    report = await restore.run(rounds=1, seed=7)
    assert report["clean"], report


async def test_control_a_gateway_that_keeps_nothing_cannot():
    report = await restore.run(rounds=1, seed=7, keep_s=0.0, within_s=5.0)
    assert report["missing"], report
    assert not report["clean"]


async def test_tags_that_the_database_has_forgotten_are_registered_again():
    """The backup is older than the tags: in it, what ingest remembers of them would belong to nobody, or to others."""
    async with open_plant() as plant, plant.ingest():
        data, backup = plant.folder / "postgres", plant.folder / "backup"
        machine, numbers = Machine(plant.gateways[0], plant.folder / "gw.spool"), itertools.count()
        await restore.exchanged(plant, data, backup)
        async with floor_box(machine, plant.broker.settings) as box:
            await restore.measure(box, plant, numbers, 10)
        await restore.exchanged(plant, backup, data)
        async with floor_box(machine, plant.broker.settings) as box:
            found = await restore.healed(box, plant, numbers, within_s=60.0)
    assert found.clean, found
