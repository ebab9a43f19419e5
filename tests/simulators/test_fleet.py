"""A fleet against a real broker, database and ingest process; and a checker that finds what it has to find."""

import asyncio
import math
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ingest_service.storage.packing import close, pack_slice
from simulators.fleet.check import UnknownFleet, check
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive, play
from simulators.fleet.report import Report
from simulators.fleet.totals import differing_series
from tests.simulators.fleet_parts import account, ingest_process, owner, registered

HARM = tomllib.loads((Path(__file__).parents[1] / "cases" / "fleet_harm.toml").read_text())
COUNTS = ("missing", "duplicated", "wrong", "dead_letters", "quarantined")


async def test_200_gateways_that_restart_and_send_damage_are_stored_once(broker, database):
    plan = FleetPlan(
        gateways=200, tags=20, batches=6, scans_in_batch=5, scan_ms=100, fail_every=50, restart_every=5, damage_every=40
    ).starting(speed=1.0)
    await registered(database, plan)
    async with ingest_process(broker, database):
        played = await play(plan, broker.settings, Drive(speed=1.0, connections=8, patience_s=40, resend_s=2))
    report = Report(played, await account(database, played))
    assert report.clean, report.as_json()
    assert report.account.stored == report.account.produced > 100_000
    assert played.restarts > 100
    assert report.damaged > 10


async def test_a_broker_and_an_ingest_that_die_cost_nothing(broker, database):
    plan = FleetPlan(gateways=20, tags=10, batches=20, scans_in_batch=10, scan_ms=10, jitter_us=900).starting(1.0)
    await registered(database, plan)

    async def trouble():
        async with ingest_process(broker, database) as ingest:
            await asyncio.sleep(0.5)
            ingest.kill()
            await broker.kill()
            await broker.start()
        async with ingest_process(broker, database):
            await asyncio.Event().wait()

    troubling = asyncio.create_task(trouble())
    played = await play(plan, broker.settings, Drive(speed=1.0, connections=20, patience_s=40, resend_s=1))
    troubling.cancel()
    await asyncio.gather(troubling, return_exceptions=True)
    report = Report(played, await account(database, played))
    assert report.clean, report.as_json()
    assert played.connections > 20
    assert played.resent


async def test_every_harm_is_found(broker, database):
    """One change in 4,000 samples each time, taken back before the next; too few of each tag to be packed."""
    plan = FleetPlan(gateways=20, tags=10, batches=2, scans_in_batch=10, fail_every=20).starting(math.inf)
    await registered(database, plan)
    async with ingest_process(broker, database):
        played = await play(plan, broker.settings, Drive(speed=math.inf, connections=2, patience_s=30))
    assert Report(played, await account(database, played)).clean
    async with owner(database) as connection:
        assert await differing_series(connection, plan, played.made) == []
    for harm in HARM["harm"]:
        async with owner(database) as connection:
            await connection.execute(harm["sql"].format(one=HARM["one"]))
            found = await check(connection, plan, played.made)
            differing = await differing_series(connection, plan, played.made)
            await connection.rollback()
        counted = (found.missing, found.duplicated, found.wrong, *found.set_aside)
        assert (harm["name"], bool(differing)) == (harm["name"], not harm.get("adds_up"))
        assert (harm["name"], *counted) == (harm["name"], *(harm.get(count, 0) for count in COUNTS))
        assert not Report(played, found).clean


FIRST_PACK = "ctid = (SELECT min(ctid) FROM telemetry.pack)"
PACKS = {
    "SELECT": set(),
    f"DELETE FROM telemetry.pack WHERE {FIRST_PACK}": {"missing"},
    f"INSERT INTO telemetry.pack SELECT * FROM telemetry.pack WHERE {FIRST_PACK}": {"duplicated"},
    f"UPDATE telemetry.pack SET t0 = t0 + interval '1 us' WHERE {FIRST_PACK}": {"wrong"},
}


async def test_what_is_packed_is_compared_as_well(broker, database):
    plan = FleetPlan(gateways=2, tags=10, batches=20, scans_in_batch=10, fail_every=20).starting(math.inf)
    await registered(database, plan)
    async with ingest_process(broker, database):
        played = await play(plan, broker.settings, Drive(speed=math.inf, connections=2, patience_s=30))
    async with owner(database) as connection:
        await close(connection, int(time.time() / 60) + 1)
        while await pack_slice(connection):
            pass
    for statement, expected in PACKS.items():
        async with owner(database) as connection:
            await connection.execute(statement)
            found = await check(connection, plan, played.made)
            differing = await differing_series(connection, plan, played.made)
            await connection.rollback()
        assert {name for name in COUNTS[:3] if getattr(found, name)} == expected, statement
        assert bool(differing) == bool(expected - {"wrong"}), statement


async def test_without_ingest_everything_stays_open(broker):
    plan = FleetPlan(gateways=2, batches=3).starting(math.inf)
    played = await play(plan, broker.settings, Drive(speed=math.inf, patience_s=1))
    assert played.open == 6
    assert not Report(played, None).clean


async def test_a_tenant_that_nobody_has_registered_is_named(database):
    async with owner(database) as connection:
        with pytest.raises(UnknownFleet, match="nobody"):
            await check(connection, FleetPlan(tenant="nobody"), np.ones(200, np.int64))
