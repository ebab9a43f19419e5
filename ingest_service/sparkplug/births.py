"""Births: what a node or a device announces becomes a table, its tags are claimed, its values are samples. Pure."""

from typing import NamedTuple

import structlog

from ingest_service.sparkplug import metrics
from ingest_service.sparkplug.claims import Claims, Sender
from ingest_service.sparkplug.columns import records_of
from ingest_service.sparkplug.session import Session
from ingest_service.sparkplug.settings import SparkplugSettings
from ingest_service.sparkplug.table import BD_SEQ, Name, Table, known_of, tags_of
from protocols.naming import slug
from protocols.sample import Columns
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import EdgeNode

log = structlog.get_logger()


class Said(NamedTuple):
    """What is to be stored; alias i of the columns is `names[i]`, and row i of the table, where there is one."""

    names: tuple[Name, ...]
    columns: Columns
    table: Table | None = None


def said(table: Table, columns: Columns) -> Said:
    """Columns whose aliases are the rows of a table."""
    return Said(table.names, columns, table)


def bd_seq_of(payload: Payload) -> int | None:
    """The number of the session that a birth opens or a death closes."""
    told = next((metric for metric in payload.metrics if metric.name == BD_SEQ), Metric())
    return told.value if type(told.value) is int else None


class Births:
    """All that are alive."""

    def __init__(self, settings: SparkplugSettings) -> None:
        self._settings = settings
        self._claims = Claims()

    def take(self, session: Session, device: str | None, payload: Payload) -> Said:
        """A birth, of the node itself where `device` is None."""
        sender, tenant = Sender(session.node, device), session.address.tenant
        title = self._title(session.node, device)
        machine = slug(title)
        wanted = list(tags_of(payload.metrics))
        free = self._claims.free(sender, tenant, machine, wanted)
        if len(free) < len(wanted):
            metrics.TAKEN.inc(len(wanted) - len(free))
            log.error(
                "tags left out of a birth: another sender publishes them, or there are too many",
                node=str(session.node), device=device, tags=len(wanted) - len(free),
                way_out='device ids that repeat across edge nodes need [sparkplug] machine = "edge/device"',
            )  # fmt: skip
        table = Table(title, known_of(payload.metrics), free)
        self._claims.claim(sender, tenant, machine, table.names)
        session.tables[device] = table
        return said(table, records_of(payload.metrics, table, payload.timestamp_ms or 0).columns)

    def bury(self, session: Session, device: str | None) -> None:
        """It is dead: others may publish its tags."""
        self._claims.release(Sender(session.node, device))
        session.tables.pop(device, None)

    def _title(self, node: EdgeNode, device: str | None) -> str:
        if device is None:
            return node.edge
        return device if self._settings.machine == "device" else f"{node.edge}/{device}"
