"""Dead letters and the quarantine as lists for people and programs."""

from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from database.pool import Connection
from database.queries import load_queries
from ingest_service import IngestError

queries = load_queries(__file__)


class UnknownLetter(IngestError):
    """There is no dead letter with this number."""


class Wanted(NamedTuple):
    """Which rejects; None: any. `replayed`: also those that are done with."""

    reason: str | None = None
    gateway: str | None = None
    since: datetime | None = None
    limit: int = 50
    replayed: bool = False


class Letter(NamedTuple):
    """A payload that could not be stored; `bytes_kept` of `bytes_total` are there."""

    id: int
    received_at: datetime
    topic: str
    reason: str
    detail: str
    bytes_total: int
    bytes_kept: int
    attempts: int
    replayed_at: datetime | None
    outcome: str | None


class WholeLetter(NamedTuple):
    """The same with what was sent."""

    letter: Letter
    payload: bytes
    sha256: bytes


class Quarantined(NamedTuple):
    """Samples of one alias that could not be stored as they are; `value` and `time_ns` are those of the newest."""

    tenant: str | None
    gateway: str | None
    alias: int
    reason: str
    samples: int
    first_at: datetime
    last_at: datetime
    value: str | None
    time_ns: int

    @property
    def way_out(self) -> str:
        return _WAYS_OUT.get(self.reason, "see docs/explanation/delivery.md")


_WAYS_OUT = {
    "impossible_time": "the clock of the gateway or device was wrong: set it, or switch on NTP; the values stay here",
    "unknown_alias": "its catalog does not name the alias: a fault of the sender; the values stay here",
}


async def list_letters(connection: Connection, wanted: Wanted) -> list[Letter]:
    """Newest first."""
    async with connection.cursor(row_factory=class_row(Letter)) as cursor:
        return await (await cursor.execute(queries.letters, wanted._asdict())).fetchall()


async def find_letter(connection: Connection, letter_id: int) -> WholeLetter:
    """One letter, locked until the transaction ends.

    Raises:
        UnknownLetter.
    """
    row = await (await connection.execute(queries.letter, {"id": letter_id})).fetchone()
    if row is None:
        raise UnknownLetter(f"there is no dead letter {letter_id}; `linewright rejects list` shows them")
    *fields, payload, sha256 = row
    return WholeLetter(Letter(*fields), bytes(payload), bytes(sha256))


async def list_quarantined(connection: Connection, wanted: Wanted) -> list[Quarantined]:
    """One line a gateway, alias and reason, newest first."""
    async with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        return await (await cursor.execute(queries.quarantined, wanted._asdict())).fetchall()
