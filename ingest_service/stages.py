"""The two stages that messages of any source go through, and what all of them share.

    Source ──► collector: intake, groupers ──queue of one a lane──► committer: writer, acknowledge, receipts

While a group is being written, the next one is decoded and sorted. Behind the queue the source's own bound pushes
back to the broker, so a slow database costs no memory.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_service.allowance import Allowance
from ingest_service.catalogs import Catalogs
from ingest_service.collector import Collector, Lane
from ingest_service.committer import Committer
from ingest_service.disk import DiskGuard
from ingest_service.gateway_states.store import States
from ingest_service.grouper import Grouper
from ingest_service.intake import Intake, ParkedLimits
from ingest_service.reading import Reader
from ingest_service.redelivery.recent import Recent
from ingest_service.settings import IngestSettings
from ingest_service.source import Source
from ingest_service.transactions import ServerClock, Transactions


@dataclass(frozen=True, slots=True)
class Stages:
    """What the lines of one process share: its transactions, the database's clock, what came lately, quotas, disk."""

    settings: IngestSettings
    transactions: Transactions
    clock: ServerClock
    states: States
    allowance: Allowance
    recent: Recent
    disk: DiskGuard

    @classmethod
    def of(cls, settings: IngestSettings, transactions: Transactions, clock: ServerClock) -> "Stages":
        allowance = Allowance(settings.credit, settings.quota)
        disk = DiskGuard(settings.disk, transactions)
        return cls(settings, transactions, clock, States(transactions), allowance, Recent(settings.redelivery), disk)

    def start(self, tasks: asyncio.TaskGroup, source: Source, readers: Sequence[Reader], lanes: int = 1) -> None:
        """Let what `source` brings go through; with one lane everything is written in the order it came."""
        groups = [Lane(Grouper(self.settings.group), asyncio.Queue(maxsize=1)) for _ in range(lanes)]
        intake = Intake(Catalogs(self.transactions), self.states, readers, _parked(self.settings))
        collector = Collector(source, intake, self.clock, groups, self.allowance)
        committer = Committer(source, self.transactions, self.clock, self.allowance, self.recent)
        tasks.create_task(collector.run(), name="collect")
        for number, lane in enumerate(groups):
            tasks.create_task(committer.run(lane.ready, self.disk), name=f"commit {number}")


def _parked(settings: IngestSettings) -> ParkedLimits:
    """A quarter of what may be held: the rest stays for those that are known."""
    held = settings.subscription
    return ParkedLimits(settings.catalog_wait_s, max(1, held.messages_most // 4), held.bytes_most // 4)
