"""A dead letter on its way in again: read, named and written as if it came from the broker now.

    letter (locked) ──read──► name ──reopen its number──► write ──► settled │ kept with the new reason
                                     └──────────── one transaction ────────────┘

A letter is settled in the transaction that stores what it holds, so it is never stored twice, whoever replays it
and however often. Nobody is receipted: its gateway was told long ago.
"""

import dataclasses
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import psycopg

from database.pool import Connection
from database.queries import load_queries
from ingest_service.catalogs import Catalogs
from ingest_service.copy_format import storable
from ingest_service.delivery import NO_RUN, Account, Delivery, Message, Refusal, Refused
from ingest_service.intake import name
from ingest_service.ledger import Verdict
from ingest_service.reading import Reader, read_with
from ingest_service.rejects.letters import WholeLetter, find_letter
from ingest_service.rows import prepare
from ingest_service.transactions import Inside, Transactions
from ingest_service.writer import write

queries = load_queries(__file__)


class Outcome(StrEnum):
    """What became of a letter; the first three are done with."""

    STORED = "stored"
    REPEATED = "repeated"  # what it holds is there already
    NOTHING = "nothing"  # understood now, and nothing in it is to be stored
    ALREADY = "already"  # replayed before; nothing was done
    REFUSED = "refused"
    CONFLICT = "conflict"  # its number has other content; --as-new-run stores it beside
    UNKNOWN = "unknown"  # its gateway or catalog is not registered
    CUT = "cut"  # larger than what is kept; not all of it is here


class Replayed(NamedTuple):
    """A letter and what became of it."""

    letter_id: int
    outcome: Outcome
    samples: int = 0
    detail: str = ""


class _RehearsalOver(Exception):
    """Undoes everything, and carries what would have been."""

    def __init__(self, replayed: Replayed) -> None:
        super().__init__()
        self.replayed = replayed


@dataclasses.dataclass(frozen=True, slots=True)
class Replay:
    """How letters are replayed. `as_new_run`: content that lost a number to another one gets a run of its own."""

    transactions: Transactions
    readers: Sequence[Reader]
    as_new_run: bool = False
    rehearsal: bool = False

    async def run(self, letter_id: int) -> Replayed:
        """One letter.

        Raises:
            UnknownLetter.
        """

        async def work(connection: Connection) -> Replayed:
            replayed = await self._replay(connection, letter_id)
            if self.rehearsal:
                raise _RehearsalOver(replayed)
            return replayed

        try:
            return await self.transactions.until_committed(work)
        except _RehearsalOver as over:
            return over.replayed
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            refusal = Refusal(Refused.UNSTORABLE, str(error)[:1000])
            if not self.rehearsal:
                await self.transactions.until_committed(lambda connection: _keep(connection, letter_id, refusal))
            return Replayed(letter_id, Outcome.REFUSED, detail=str(refusal))

    async def _replay(self, connection: Connection, letter_id: int) -> Replayed:
        whole = await find_letter(connection, letter_id)
        letter, payload, _ = whole
        if letter.replayed_at:
            return Replayed(letter_id, Outcome.ALREADY, detail=f"{letter.outcome}, {letter.replayed_at:%F %T}")
        if letter.bytes_kept < letter.bytes_total:
            return Replayed(
                letter_id, Outcome.CUT, detail=f"{letter.bytes_kept} of {letter.bytes_total} bytes are kept"
            )
        message = Message(letter.topic, payload)
        reading = read_with(self.readers, message)
        if reading is None:
            return await _settle(connection, Replayed(letter_id, Outcome.NOTHING))
        delivery = await name(Catalogs(Inside(connection)), message, reading)
        if delivery is None:
            return Replayed(letter_id, Outcome.UNKNOWN, detail="register its gateway, or wait for its catalog")
        if delivery.refusal:
            await _keep(connection, letter_id, delivery.refusal)
            return Replayed(letter_id, Outcome.REFUSED, detail=str(delivery.refusal))
        return await self._write(connection, whole, delivery)

    async def _write(self, connection: Connection, whole: WholeLetter, delivery: Delivery) -> Replayed:
        if self.as_new_run and whole.letter.reason == Refused.CONFLICT:
            delivery = _in_a_run_of_its_own(delivery)
        await _reopen(connection, delivery)
        row = await (await connection.execute(queries.now_s)).fetchone()
        assert row
        outcome = await write(connection, prepare([delivery], round(row[0] * 1e9)))
        (verdict,) = outcome.verdicts
        burst_values = delivery.burst.header.count if delivery.burst else 0
        samples = len(outcome.prepared.rows) + len(outcome.prepared.texts) + burst_values
        if verdict is Verdict.STORE and (samples or not outcome.repeated_samples):
            return await _settle(connection, Replayed(whole.letter.id, Outcome.STORED, samples))
        if verdict in {Verdict.STORE, Verdict.REPEATED}:
            return await _settle(connection, Replayed(whole.letter.id, Outcome.REPEATED))
        if verdict is Verdict.CONFLICT:
            (refusal,) = (refusal for _, refusal in outcome.refusals())
            await _keep(connection, whole.letter.id, refusal)
            return Replayed(whole.letter.id, Outcome.CONFLICT, detail=refusal.detail)
        return Replayed(whole.letter.id, Outcome.REFUSED, detail="its run has too many holes")


def _in_a_run_of_its_own(delivery: Delivery) -> Delivery:
    """The run is told by the content, so the same letter always gets the same one."""
    assert delivery.account
    account = Account(delivery.account.gateway_id, UUID(bytes=delivery.sha256[:16]))
    return dataclasses.replace(delivery, account=account, seq=1)


async def _reopen(connection: Connection, delivery: Delivery) -> None:
    """A rejected batch has used up its number; it gets it back, if nothing else stands there."""
    account = delivery.account
    if account is None or account.run_id == NO_RUN:
        return
    place = {
        "gateway": account.gateway_id, "run": account.run_id, "seq": delivery.seq, "sha256": delivery.sha256,
    }  # fmt: skip
    if (await connection.execute(queries.reopen_batch, place)).rowcount:
        await connection.execute(queries.reopen_number, place)


async def _settle(connection: Connection, replayed: Replayed) -> Replayed:
    await connection.execute(queries.settle, {"id": replayed.letter_id, "outcome": replayed.outcome})
    return replayed


async def _keep(connection: Connection, letter_id: int, refusal: Refusal) -> None:
    values = {"id": letter_id, "reason": refusal.reason, "detail": storable(refusal.detail)}
    await connection.execute(queries.keep, values)
