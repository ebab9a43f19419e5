"""A15: the host can prove that nothing is missing; after a forced drop it names exactly what is."""

import asyncio
import contextlib

import numpy as np
import psycopg
import pytest

from edge_gateway.catalog import number
from edge_gateway.daemon import run_gateway
from edge_gateway.keep import Group, Keep
from edge_gateway.settings import GatewaySettings
from edge_gateway.spool.file import Commit
from edge_gateway.spool.salvage import open_spool_file
from ingest_service.completeness import gaps
from protocols.wire import catalog as catalogs
from runtime.clock import ClockState
from tests.edge_gateway.gateway_parts import NOW_NS, floats, modbus_device
from tests.edge_gateway.spool_parts import RUN
from tests.faults.cloud import running
from tests.ingest_service.gateway_double import gateway, ingest

CAP_BYTES = 1 << 20


async def found(database, tenant) -> list[tuple[int, int]]:
    async with await psycopg.AsyncConnection.connect(database.dsn("lw_ingest")) as connection:
        return [(gap.first_seq, gap.last_seq) for gap in await gaps(connection, tenant.gateways["gw-1"])]


async def test_what_was_never_sent_is_named_and_what_comes_late_closes_the_gap(broker, database, tenant):
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        assert await found(database, tenant) == []
        for seq in (2, 3, 6, 7, 9):
            gw.add(seq)
        await gw.deliver()
        assert await found(database, tenant) == [(1, 1), (4, 5), (8, 8)]
        for seq in (1, 4, 5, 8):
            gw.add(seq)
        await gw.deliver()
        assert await found(database, tenant) == []


async def test_the_neighbours_of_a_gap_tell_its_time(broker, database, tenant):
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        for seq in (1, 5):
            gw.add(seq)
            await gw.deliver()
    async with await psycopg.AsyncConnection.connect(database.dsn("lw_ingest")) as connection:
        (gap,) = await gaps(connection, tenant.gateways["gw-1"])
    assert gap.run_id == gw.run
    assert gap.since < gap.until
    assert gap.explanation == "on_its_way"


@pytest.fixture
def settings(tmp_path, broker, free_port):
    device = modbus_device("pump-1", free_port(), {f"tag-{place}": 60.0 for place in range(50)})
    return GatewaySettings(
        tenant="demo",
        gateway="gw-1",
        broker=broker.settings,
        spool={"path": tmp_path / "gw.spool", "max_bytes": CAP_BYTES, "policy": "drop_oldest"},
        devices=[device.model_dump(exclude_unset=True)],
    )


def too_much(settings) -> list[tuple[int, int]]:
    """A gateway wrote three times what its spool holds, in the middle of what the cloud had; what it dropped."""
    numbering = number(settings.devices, settings.derived)
    spool, _ = open_spool_file(settings.spool.path, CAP_BYTES, 86_400, thin=False)
    spool.begin_runs({Keep.NORMAL: RUN}, numbering.catalog.revision, catalogs.encode(numbering.catalog), NOW_NS)
    for seq in range(1, 91):
        values = np.random.default_rng(seq).random(50 * 40)
        times = np.repeat(NOW_NS + (np.arange(40) + 40 * seq) * 10**6, 50)
        columns = floats(np.tile(np.arange(50), 40), values, times)
        spool.write(Commit([Group(Keep.NORMAL, columns)], [], NOW_NS, ClockState.SYNCED))
    dropped = sorted((gap.first_seq, gap.last_seq) for gap in spool.dropped())
    spool.close()
    return dropped


async def test_a_forced_drop_is_named_to_the_batch_by_gateway_and_host(settings, broker, database, tenant):
    dropped = too_much(settings)
    assert len(dropped) == 1
    async with ingest(broker, database), running(run_gateway(settings)):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while await found(database, tenant) != dropped:  # while they arrive there are more
                    await asyncio.sleep(0.1)
    assert await found(database, tenant) == dropped
