"""The ingest process on one page.

    subscriber ──► collector: intake, grouper, rows ──queue of one──► committer: writer, acknowledge, receipts

Two stages: while a group is being written, the next one is decoded and sorted. Behind the queue the subscriber's
own bound pushes back to the broker, so a slow database costs no memory.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from database.pool import Connection, open_pool
from database.queries import load_queries
from ingest_service.catalogs import Catalogs
from ingest_service.collector import Collector, Lane
from ingest_service.committer import Committer
from ingest_service.grouper import Grouper
from ingest_service.intake import Intake
from ingest_service.settings import IngestSettings
from ingest_service.subscriber import Subscriber
from ingest_service.transactions import ServerClock, Transactions, make_partitions
from protocols.topics import Up, every
from runtime.health import check, serve_health
from runtime.process import tell_systemd

log = structlog.get_logger()
queries = load_queries(__file__)

_HOUSEKEEPING_S = 3600


async def run_ingest(settings: IngestSettings) -> None:
    """Take batches from the broker into the database until cancelled."""
    async with open_pool(settings.database) as pool:
        transactions = Transactions(pool)
        clock = ServerClock()
        clock.observe(await transactions.until_committed(make_partitions))
        feed = Subscriber(
            settings.broker, settings.subscription, settings.worker,
            shared=[every(Up.DATA)], own=[every(Up.CATALOG)],
        )  # fmt: skip
        lanes = [Lane(Grouper(settings.group), asyncio.Queue(maxsize=1)) for _ in range(settings.lanes)]
        parked_most = max(1, settings.subscription.messages_most // 4)
        intake = Intake(Catalogs(transactions), settings.catalog_wait_s, parked_most)
        collector = Collector(feed, intake, clock, lanes)
        committers = [Committer(feed, transactions, clock, settings.credit, lane.ready) for lane in lanes]
        async with feed, _health(settings.health_port, feed, transactions), asyncio.TaskGroup() as tasks:
            tasks.create_task(collector.run(), name="collect")
            for number, committer in enumerate(committers):
                tasks.create_task(committer.run(), name=f"commit {number}")
            tasks.create_task(_keep_house(transactions, settings.retention_days), name="housekeeping")
            await feed.wait_subscribed()
            log.info("ready", worker=settings.worker)
            tell_systemd("READY=1")


@contextlib.asynccontextmanager
async def _health(port: int, feed: Subscriber, transactions: Transactions) -> AsyncIterator[None]:
    if not port:
        yield
        return
    checks = {
        "broker": check(
            lambda: feed.connected, "no connection to the broker", "check [broker] and that the broker runs"
        ),
        "database": check(
            lambda: transactions.healthy, "the database does not answer", "check [database] and that it runs"
        ),
    }
    async with serve_health(port, checks):
        yield


async def _keep_house(transactions: Transactions, retention_days: int | None) -> None:
    """Partitions ahead, old samples away; once an hour."""
    while True:
        await transactions.until_committed(make_partitions)
        if retention_days:
            dropped = await transactions.until_committed(lambda connection: _drop_samples(connection, retention_days))
            if dropped:
                log.info("old samples dropped", partitions=dropped, older_than_days=retention_days)
        await asyncio.sleep(_HOUSEKEEPING_S)


async def _drop_samples(connection: Connection, days: int) -> int:
    row = await (await connection.execute(queries.drop_samples, {"days": days})).fetchone()
    assert row
    return int(row[0])
