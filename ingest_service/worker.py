"""The ingest process on one page.

    subscriber ──► stages: collector ──► committer      `build_readers`: every way to understand messages
    sparkplug  ──► stages                               beside them: states, forgetting, health

Behind the stages each source's own bound pushes back to the broker, so a slow database costs no memory. Everything that
is remembered belongs to one start of the database; after another one all of it begins anew, the subscription too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from database.pool import open_pool
from ingest_service.forgetting import forget_for_ever
from ingest_service.mapping.reader import MappingReader
from ingest_service.reading import GatewayReader, Reader
from ingest_service.settings import IngestSettings
from ingest_service.source import Source
from ingest_service.sparkplug.line import run_host
from ingest_service.stages import Stages
from ingest_service.subscriber import Subscriber
from ingest_service.transactions import OneDatabase, OtherDatabase, ServerClock, Transactions, make_partitions
from ingest_service.waveforms.reader import WaveReader
from protocols.topics import Up, every
from runtime.health import check, serve_health
from runtime.process import tell_systemd

log = structlog.get_logger()

_HOUSEKEEPING_S = 3600


async def run_ingest(settings: IngestSettings) -> None:
    """Take batches from the broker into the database until cancelled."""
    while True:
        try:
            await _one_life(settings)
        except* OtherDatabase as others:
            log.warning("all that is remembered of the database is asked anew", cause=str(others.exceptions[0]))


async def _one_life(settings: IngestSettings) -> None:
    async with open_pool(settings.database) as pool:
        transactions = OneDatabase(pool)
        clock = ServerClock()
        clock.observe(await transactions.until_committed(make_partitions))
        readers = build_readers(settings)
        feed = Subscriber(
            settings.broker, settings.subscription, settings.worker,
            shared=[topic for reader in readers for topic in reader.shared],
            own=[every(Up.CATALOG), every(Up.STATE), *(topic for reader in readers for topic in reader.own)],
        )  # fmt: skip
        stages = Stages.of(settings, transactions, clock)
        await stages.disk.look()
        async with feed, _health(settings.health_port, feed, stages), asyncio.TaskGroup() as tasks:
            stages.start(tasks, feed, readers, settings.lanes)
            tasks.create_task(stages.states.run(), name="states")
            tasks.create_task(stages.disk.run(), name="disk")
            tasks.create_task(run_host(settings, stages), name="sparkplug")
            tasks.create_task(forget_for_ever(transactions, settings.keep, settings.redelivery), name="forgetting")
            tasks.create_task(_keep_partitions(transactions), name="housekeeping")
            await feed.wait_subscribed()
            log.info("ready", worker=settings.worker)
            tell_systemd("READY=1")


def build_readers(settings: IngestSettings) -> list[Reader]:
    """Every way to understand messages; the first one that takes a topic reads it."""
    return [GatewayReader(), WaveReader(), MappingReader(settings.mappings)]


@contextlib.asynccontextmanager
async def _health(port: int, feed: Source, stages: Stages) -> AsyncIterator[None]:
    if not port:
        yield
        return
    checks = {
        "broker": check(
            lambda: feed.connected, "no connection to the broker", "check [broker] and that the broker runs"
        ),
        "database": check(
            lambda: stages.transactions.healthy, "the database does not answer", "check [database] and that it runs"
        ),
        "disk": stages.disk.trouble,
    }
    async with serve_health(port, checks):
        yield


async def _keep_partitions(transactions: Transactions) -> None:
    """Partitions ahead also where no packer makes them."""
    while True:
        await transactions.until_committed(make_partitions)
        await asyncio.sleep(_HOUSEKEEPING_S)
