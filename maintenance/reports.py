"""Reports in the database: sent once however often the phone tries, and led to the one order of the fault.

    submit_report ──► request + attachments ──► open order of the machine?  yes: MERGED into it
                                                                           no:  CONVERTED into a new one

Photos and recordings stay with the report and are shown on the order by reference.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row

from database.pool import Connection
from maintenance import BadReport, RequestReused, UnknownMachine, UnknownReport
from maintenance.records import OPEN_STATES, Actor, NewOrder, Order, Source
from maintenance.store import create_order, load_order, note, queries
from maintenance.symptoms import SYMPTOMS, priority_of

ATTACHMENT_BYTES_MOST = 4 << 20
KINDS = ("photo", "voice")


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A photo or a recording as it was uploaded."""

    kind: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewReport:
    """What a reporter has sent; `id` was made by the phone."""

    id: UUID
    machine_id: UUID
    symptom: str
    label_id: UUID | None = None
    text: str = ""
    reporter: str = ""
    language: str = "zh-CN"
    device_time: datetime | None = None
    attachments: tuple[NewAttachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report and the order that it went to."""

    id: UUID
    machine_id: UUID
    symptom: str
    text: str
    reporter: str
    language: str
    state: str
    reported_at: datetime
    device_time: datetime | None
    order_id: UUID | None
    order_no: int | None
    order_state: str | None

    @property
    def ticket(self) -> str:
        """What the reporter is told to ask for."""
        return ticket(self.order_no or 0)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A photo or a recording, without its bytes."""

    id: UUID
    kind: str
    content_type: str
    sha256: bytes
    created_at: datetime
    report_id: UUID | None


def ticket(order_no: int) -> str:
    """The order's number as it is read out over the telephone."""
    return f"WO-{order_no}"


async def submit_report(conn: Connection, new: NewReport) -> tuple[Report, bool]:
    """Take a report; the flag is False when this id was taken before, with the same answer as then.

    Raises:
        BadReport: unknown symptom, or an attachment that cannot be kept.
        UnknownMachine: there is no such machine. RequestReused: the id belongs to something else.
    """
    _check(new)
    await conn.execute(queries.lock_machine, {"machine_id": new.machine_id})
    if not await (await conn.execute(queries.machine, {"id": new.machine_id})).fetchone():
        raise UnknownMachine(str(new.machine_id))
    if not await (await conn.execute(queries.insert_report, asdict(new))).fetchone():
        return await _taken_before(conn, new), False
    for attachment in new.attachments:
        digest = hashlib.sha256(attachment.content).digest()
        values = asdict(attachment) | {"id": uuid4(), "report_id": new.id, "sha256": digest}
        await conn.execute(queries.insert_attachment, values)
    order, state = await _lead(conn, new)
    await conn.execute(queries.settle_report, {"id": new.id, "state": state, "order_id": order.id})
    return await load_report(conn, new.id), True


async def load_report(conn: Connection, report_id: UUID) -> Report:
    """Raises UnknownReport."""
    found = await _reports(conn, [report_id])
    if not found:
        raise UnknownReport(str(report_id))
    return found[0]


async def open_fault_order(conn: Connection, machine_id: UUID) -> Order | None:
    """The open order that a report about this machine would be merged into."""
    found = await conn.execute(queries.open_fault_order, _of_machine(machine_id))
    row = await found.fetchone()
    return await load_order(conn, row[0]) if row else None


async def attachments_of_order(conn: Connection, order_id: UUID) -> list[Attachment]:
    """Photos and recordings of the order and of every report that went to it."""
    async with conn.cursor(row_factory=class_row(Attachment)) as cursor:
        await cursor.execute(queries.attachments_of_order, {"order_id": order_id})
        return await cursor.fetchall()


async def attachment_content(conn: Connection, attachment_id: UUID) -> tuple[str, bytes]:
    """Content type and bytes. Raises UnknownReport."""
    row = await (await conn.execute(queries.attachment_content, {"id": attachment_id})).fetchone()
    if not row:
        raise UnknownReport(f"no attachment {attachment_id}")
    return row[0], row[1]


def _check(new: NewReport) -> None:
    if new.symptom not in SYMPTOMS:
        raise BadReport(f"symptom {new.symptom!r} is none of {', '.join(SYMPTOMS)}")
    for attachment in new.attachments:
        if attachment.kind not in KINDS:
            raise BadReport(f"an attachment is a photo or a voice, not {attachment.kind!r}")
        if len(attachment.content) > ATTACHMENT_BYTES_MOST:
            raise BadReport(f"{attachment.kind} is larger than {ATTACHMENT_BYTES_MOST >> 20} MiB")


async def _taken_before(conn: Connection, new: NewReport) -> Report:
    found = await _reports(conn, [new.id])
    if not found or found[0].machine_id != new.machine_id:
        raise RequestReused(f"report {new.id} is about another machine")
    return found[0]


async def _lead(conn: Connection, new: NewReport) -> tuple[Order, str]:
    """The order of this fault and what became of the report."""
    actor = Actor(None, new.reporter or "reporter")
    told = {"report_id": str(new.id), "symptom": new.symptom}
    row = await (await conn.execute(queries.lock_open_fault_order, _of_machine(new.machine_id))).fetchone()
    if row:
        return await note(conn, row[0], new.id, told, actor), "MERGED"
    born = NewOrder(
        id=uuid4(), machine_id=new.machine_id, title=f"report:{new.symptom}", priority=priority_of(new.symptom),
        source=Source.REPORT, source_id=new.id, data=told,
    )  # fmt: skip
    return (await create_order(conn, born, actor))[0], "CONVERTED"


def _of_machine(machine_id: UUID) -> dict[str, Any]:
    return {"machine_id": machine_id, "open_states": list(map(str, OPEN_STATES))}


async def _reports(conn: Connection, ids: Sequence[UUID]) -> list[Report]:
    async with conn.cursor(row_factory=class_row(Report)) as cursor:
        await cursor.execute(queries.reports_by_ids, {"ids": list(ids)})
        return await cursor.fetchall()
