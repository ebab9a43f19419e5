"""The gateway process on one page.

    pollers (one per endpoint) ──► shaper ──► intake ──► recorder ──► spool ──► uplink, Sparkplug ──► broker
       ▲ ticker                                             └──────── committed when everything else has stopped

A task that reads or sends is supervised: it fails, it is told, it starts again. The recorder is not: if the spool
itself is broken the process ends with its reason, and its next start sets the damaged file aside.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import structlog

from edge_gateway import metrics
from edge_gateway.catalog import Numbering, number, whole
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.intake import Intake
from edge_gateway.keep import classes
from edge_gateway.polling.freshness import Freshness
from edge_gateway.polling.poller import Poller
from edge_gateway.polling.schedule import group
from edge_gateway.polling.ticker import Ticker
from edge_gateway.recorder import Recorder
from edge_gateway.restart_gap import BATCHES_LOOKED_AT, gap_samples, were_synced
from edge_gateway.settings import GatewaySettings
from edge_gateway.shaping.shape import Shape
from edge_gateway.shaping.shaper import Shaper
from edge_gateway.sparkplug import northbound as sparkplug
from edge_gateway.spool.spool import Spool, open_spool
from edge_gateway.uplink.delivery import Delivery
from edge_gateway.uplink.session import Outbox
from edge_gateway.uplink.uplink import Uplink
from edge_gateway.vitals import Vitals
from protocols.sample import Columns
from protocols.topics import GatewayAddress
from runtime.clock import Clock, monotonic_s
from runtime.health import serve_health
from runtime.process import supervise, tell_systemd

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]


async def run_gateway(settings: GatewaySettings, delivery: Delivery | None = None) -> None:
    """Read, keep and deliver until cancelled; then commit what is in memory and say goodbye.

    `delivery` is an empty one with another pace or policy than the usual.

    Raises:
        BadPointTable: the tags of a device contradict its limits; fix the configuration.
        SpoolTaken, SpoolUnwritable: the spool cannot be used.
    """
    clock = GatewayClock()
    numbering = number(settings.devices, settings.derived)
    worth = classes(numbering.catalog, settings.tags)
    intake = Intake(clock, worth)
    shape = Shape(numbering)
    shaper = Shaper(shape, intake, clock)
    sink = shaper if shape.needed else intake
    freshness = Freshness(numbering, clock)
    pollers = [Poller(name, numbering, sink, freshness, clock) for name in numbering.endpoints]
    async with open_spool(settings.spool, numbering.catalog, clock, worth.present) as spool:
        delivery = _filled(delivery or Delivery(), spool, clock)
        recorder = Recorder(spool, delivery, intake, numbering, clock)
        await intake.put(await _earlier(spool, numbering, clock))
        ticker = Ticker(group(numbering.endpoints), clock)
        vitals = Vitals(pollers, ticker, recorder, delivery, spool, freshness, clock)
        address = GatewayAddress(settings.tenant, settings.gateway)
        outbox = Outbox(address, numbering.catalog, spool, delivery, recorder, clock)
        northbound = _northbound(settings, numbering, outbox)
        async with _health(settings.health.port, vitals), recorder, shaper, asyncio.TaskGroup() as tasks:
            tasks.create_task(recorder.run(), name="recorder")
            tasks.create_task(ticker.run(), name="ticker")
            tasks.create_task(vitals.feed(), name="watchdog")
            _supervise(tasks, "vitals", vitals.look)
            for name, send in northbound.items():
                _supervise(tasks, name, send)
            if shape.needed:
                _supervise(tasks, "shaper", shaper.run)
            for poller in pollers:
                _supervise(tasks, poller.name, partial(poller.run, ticker))
            tell_systemd("READY=1")
            log.info("ready", gateway=settings.gateway, endpoints=len(pollers), tags=len(numbering.catalog.tags))


def _filled(delivery: Delivery, spool: Spool, clock: Clock) -> Delivery:
    for held in spool.opened.runs:
        delivery.hold(held.run, held.open, held.receipted)
    delivery.begin(spool.runs, monotonic_s(clock))
    return delivery


async def _earlier(spool: Spool, numbering: Numbering, clock: GatewayClock) -> Columns:
    """What earlier processes leave: the clock hears of their time, and one BAD sample per tag tells of the gap."""
    runs = spool.opened.runs
    if not runs:
        return ()
    payloads = await spool.before_this_run(BATCHES_LOOKED_AT)
    clock.learn(max(run.started_ns for run in runs), was_synced=were_synced(payloads))
    return gap_samples(numbering, payloads, whole(spool.opened.catalogs), runs[-1].started_ns)


def _northbound(settings: GatewaySettings, numbering: Numbering, outbox: Outbox) -> dict[str, Work]:
    """Who sends from the spool: our own uplink, a Sparkplug edge node, or both."""
    found: dict[str, Work] = {}
    if settings.sparkplug:
        found["sparkplug"] = sparkplug.build(settings.sparkplug, settings, numbering, outbox).run
    if not (settings.sparkplug and settings.sparkplug.only):
        found["uplink"] = Uplink(settings.broker, outbox).run
    return found


def _supervise(tasks: asyncio.TaskGroup, name: str, work: Work) -> None:
    tasks.create_task(supervise(name, work, metrics.RESTARTS.labels(name).inc), name=name)


@contextlib.asynccontextmanager
async def _health(port: int, vitals: Vitals) -> AsyncIterator[None]:
    if not port:
        yield
        return
    async with serve_health(port, vitals.checks, vitals.pages):
        yield
