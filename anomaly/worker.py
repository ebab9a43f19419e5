"""The anomaly process on one page.

subscriber ─► source ─► plant: watch of each machine ─► recorder ─► alarm, evidence, outbox      evaluate
limits, shelvings and other silence of the database, every `reload_s`                            reload
states of the detectors, every `save_s` and at the end                                           save
outbox: verdicts of people ─► record of the rule, patterns, learn anew what they call normal     listen
once a night, at `evaluate_at` ─► how often each rule was right                                  evaluate nightly
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import numpy as np
import structlog

from anomaly.detectors.block import Block
from anomaly.loop import nightly
from anomaly.metrics import EVALUATED, RESTARTS
from anomaly.plant import Decided, Plant
from anomaly.recorder import Recorder
from anomaly.settings import AnomalySettings
from anomaly.silence import end_silences
from anomaly.source import Samples, Source
from anomaly.verdicts import Verdicts
from database import DatabaseUnavailable, outbox
from database.pool import Pool, open_pool, transaction
from ingest_service.subscriber import Subscriber
from ingest_service.transactions import Transactions
from protocols.topics import Up, every
from runtime.clock import NS_PER_S, Clock, SystemClock
from runtime.health import check, serve_health
from runtime.process import supervise, tell_systemd
from runtime.retry import backoff_s

log = structlog.get_logger()

CONSUMER = "anomaly"
_RECHECK_S = 0.5
_NOTHING = Block.of(np.zeros(0), np.zeros(0), np.zeros(0))


async def run_anomaly(settings: AnomalySettings) -> None:
    """Watch until cancelled; an absent broker or database is waited for."""
    async with contextlib.AsyncExitStack() as stack:
        subscriber = Subscriber(settings.broker, settings.subscription, settings.worker, shared=[every(Up.DATA)])
        pool = await stack.enter_async_context(open_pool(settings.database))
        process = _Process(settings, pool, subscriber, SystemClock())
        if settings.health_port:
            checks = {
                "broker": check(
                    lambda: subscriber.connected,
                    "no connection to the broker",
                    "check [broker] and that the broker runs",
                ),
                "database": check(
                    lambda: process.transactions.healthy,
                    "the database does not answer",
                    "check [database] and that it runs",
                ),
            }
            await stack.enter_async_context(serve_health(settings.health_port, checks))
        await stack.enter_async_context(subscriber)
        await stack.enter_async_context(process.saving_at_the_end())
        async with asyncio.TaskGroup() as tasks:
            for name, work in process.work().items():
                tasks.create_task(supervise(name, work, RESTARTS.labels(name).inc), name=name)
            await subscriber.wait_subscribed()
            tell_systemd("READY=1")
            log.info("ready")


class _Process:
    """What the tasks share. `_deciding` keeps the order: what is decided first is written down first."""

    def __init__(self, settings: AnomalySettings, pool: Pool, subscriber: Subscriber, clock: Clock) -> None:
        self._settings = settings
        self._pool = pool
        self._subscriber = subscriber
        self._clock = clock
        self.transactions = Transactions(pool)
        self._source = Source(self.transactions, clock, settings.catalog_wait_s)
        self._plant = Plant(self.transactions)
        self._recorder = Recorder(self.transactions, clock)
        self._deciding = asyncio.Lock()

    def work(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "evaluate": self._evaluate,
            "reload": self._reload,
            "save": self._save,
            "listen": self._listen,
            "evaluate nightly": self._evaluate_nightly,
        }

    async def _evaluate(self) -> None:
        while True:
            messages = await self._subscriber.burst(_RECHECK_S)
            found, done = await self._source.take(messages)
            try:
                async with self._deciding:
                    for samples in found:
                        await self._decide(samples)
            finally:
                self._subscriber.acknowledge(done)

    async def _decide(self, samples: Samples) -> None:
        await self._write(await self._plant.load(np.unique(samples.series).tolist(), self._clock.now_ns()))
        block = Block.of(samples.series, samples.time_ns, samples.value)
        EVALUATED.inc(len(block))
        for machine, part in self._plant.divide(block):
            if samples.rewound:
                machine.watch.rewind()
            machine.learned = True
            await self._recorder.record(machine, machine.watch.update(part), part)

    async def _write(self, decided: Decided) -> None:
        for machine, changes in decided:
            await self._recorder.record(machine, changes, _NOTHING)

    async def _reload(self) -> None:
        while True:
            async with self._deciding:
                await self._write(await self._plant.reload(self._clock.now_ns()))
            await self.transactions.until_committed(end_silences)
            await self._clock.sleep(self._settings.reload_s)

    async def _save(self) -> None:
        while True:
            await self._clock.sleep(self._settings.save_s)
            self._plant.saved(await self.transactions.until_committed(self._plant.save))

    @contextlib.asynccontextmanager
    async def saving_at_the_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            try:
                async with transaction(self._pool) as conn:
                    await self._plant.save(conn)
            except DatabaseUnavailable as error:
                log.warning("detector states of the last minute are lost", cause=str(error))

    async def _listen(self) -> None:
        verdicts = Verdicts(self._plant, self._recorder, self._deciding, self._clock)
        for pause_s in backoff_s():
            with contextlib.suppress(DatabaseUnavailable):
                await outbox.consume(self._pool, CONSUMER, verdicts.take)
            await self._clock.sleep(pause_s)

    async def _evaluate_nightly(self) -> None:
        settings = self._settings
        while True:
            now = datetime.fromtimestamp(self._clock.now_ns() / NS_PER_S, UTC)
            day = nightly.due(now, settings.evaluate_time, settings.zone)
            if day:
                await nightly.evaluate_due(self.transactions, day, settings.worker, now)
            await self._clock.sleep(settings.reload_s)
