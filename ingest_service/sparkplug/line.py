"""Sparkplug's own line through the ingest process: one connection, one lane, everything in the order it came.

HostSubscriber ──► collector: intake with SparkplugReader ──queue of one──► committer
       ▲                             │ Host
       └── NCMD rebirth ◄────────────┘
"""

import asyncio

import structlog

from ingest_service.settings import IngestSettings
from ingest_service.sparkplug.connection import HostSubscriber, ask_for_rebirths
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.stages import Stages
from runtime.clock import SystemClock

log = structlog.get_logger()


async def run_host(
    settings: IngestSettings,
    stages: Stages,
) -> None:
    """Be the Sparkplug host of these settings until cancelled; does nothing without a host id."""
    host_id = settings.sparkplug.host_id
    if host_id is None:
        return
    clock = SystemClock()
    host = Host(settings.sparkplug, clock)
    reader = SparkplugReader(host, list(settings.sparkplug.groups))
    feed = HostSubscriber(
        settings.broker, settings.subscription, host_id, reader.own, clock=clock, obituaries=host.obituaries
    )
    async with feed, asyncio.TaskGroup() as tasks:
        stages.start(tasks, feed, [reader])
        tasks.create_task(ask_for_rebirths(host, feed), name="sparkplug rebirths")
        await feed.wait_subscribed()
        log.info("sparkplug host ready", host=host_id)
