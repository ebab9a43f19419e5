"""A database that goes back, shortly; and a gateway that keeps nothing of what is receipted."""

import psycopg
import pytest

from tests.chaos import restore
from tests.chaos.floor import Machine, floor_box

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(240)]


async def test_the_gateway_sends_again_what_the_database_has_lost():
    report = await restore.run(rounds=1, seed=7)
    assert report["clean"], report


async def test_control_a_gateway_that_keeps_nothing_cannot():
    report = await restore.run(rounds=1, seed=7, keep_s=0.0, within_s=5.0)
    assert report["missing"], report
    assert not report["clean"]


@pytest.mark.xfail(strict=True, reason="ingest believes what it remembers of catalogs, whatever became of the database")
async def test_tags_that_the_database_has_forgotten_are_registered_again(plant):
    """As after a restore from a backup that is older than the tags: their rows would belong to nobody, or to others."""
    async with plant.ingest():
        async with floor_box(Machine(plant.gateways[0], plant.folder / "gw.spool"), plant.broker.settings) as box:
            await box.measure(plant.column(*range(10)))
            await box.settled()
        with psycopg.connect(plant.postgres.dsn("owner"), autocommit=True) as connection:
            connection.execute("TRUNCATE telemetry.catalog, telemetry.ledger, telemetry.batch, telemetry.sample")
            connection.execute("DELETE FROM registry.tag WHERE slug LIKE 'tag-%'")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lw_ingest'")
        async with floor_box(Machine(plant.gateways[0], plant.folder / "gw.spool"), plant.broker.settings) as box:
            await box.measure(plant.column(*range(10, 20)))
            await box.settled()
    assert plant.check(range(20)).clean
