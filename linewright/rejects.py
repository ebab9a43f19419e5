"""What `linewright rejects …` does: opens the database that ingest writes to, asks the rejects room, shows it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from database.pool import Connection, open_pool, transaction
from ingest_service.delivery import Message
from ingest_service.rejects.letters import Letter, Quarantined, Wanted, find_letter, list_letters, list_quarantined
from ingest_service.rejects.picture import picture
from ingest_service.rejects.replay import Outcome, Replay, Replayed
from ingest_service.settings import IngestSettings
from ingest_service.transactions import Transactions
from ingest_service.worker import build_readers
from linewright import LinewrightError
from runtime.settings import load

T = TypeVar("T")

_SPAN = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DONE = {Outcome.STORED, Outcome.REPEATED, Outcome.NOTHING, Outcome.ALREADY}
_DETAIL_SHOWN = 100


class BadSince(LinewrightError):
    """Neither a span nor a time."""


def since(text: str | None) -> datetime | None:
    """`30m`, `24h`, `7d`, or a time like 2026-03-01T08:00.

    Raises:
        BadSince.
    """
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    if span:
        return datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise BadSince(f"--since {text!r}: write 30m, 24h, 7d or a time like 2026-03-01T08:00") from error


def letters(config: Path | None, wanted: Wanted, *, as_json: bool) -> str:
    """Dead letters, newest first."""
    found = _ask(config, lambda connection: list_letters(connection, wanted))
    return _json(one._asdict() for one in found) if as_json else "\n".join(map(_line, found)) or "none"


def samples(config: Path | None, wanted: Wanted, *, as_json: bool) -> str:
    """What stands in the quarantine, a line a gateway, alias and reason."""
    found = _ask(config, lambda connection: list_quarantined(connection, wanted))
    if as_json:
        return _json({**one._asdict(), "way_out": one.way_out} for one in found)
    return "\n".join(map(_quarantined, found)) or "none"


def letter(config: Path | None, letter_id: int) -> str:
    """One dead letter with all that can be told of it, as JSON."""
    settings = load(IngestSettings, config)
    whole = _ask(config, lambda connection: find_letter(connection, letter_id))
    shown = picture(Message(whole.letter.topic, whole.payload), build_readers(settings))
    return json.dumps({**whole.letter._asdict(), **shown}, indent=2, ensure_ascii=False, default=str)


def replay(
    config: Path | None, ids: Sequence[int], wanted: Wanted | None, *, as_new_run: bool, rehearsal: bool
) -> list[Replayed]:
    """Letters by their numbers, or all that are `wanted`, oldest first."""
    return asyncio.run(_replay(load(IngestSettings, config), ids, wanted, as_new_run=as_new_run, rehearsal=rehearsal))


async def _replay(
    settings: IngestSettings, ids: Sequence[int], wanted: Wanted | None, *, as_new_run: bool, rehearsal: bool
) -> list[Replayed]:
    async with open_pool(settings.database) as pool:
        if wanted:
            async with transaction(pool) as connection:
                ids = [one.id for one in reversed(await list_letters(connection, wanted))]
        one = Replay(Transactions(pool), build_readers(settings), as_new_run=as_new_run, rehearsal=rehearsal)
        return [await one.run(letter_id) for letter_id in ids]


def told(replayed: Sequence[Replayed], *, as_json: bool) -> str:
    """A line a letter."""
    if as_json:
        return _json(one._asdict() for one in replayed)
    lines = (
        f"{one.letter_id}  {one.outcome}" + (f", {one.samples} samples" if one.samples else "")
        + (f": {one.detail}" if one.detail else "")
        for one in replayed
    )  # fmt: skip
    return "\n".join(lines) or "none"


def all_done(replayed: Iterable[Replayed]) -> bool:
    """Whether every letter is done with."""
    return all(one.outcome in _DONE for one in replayed)


def _ask(config: Path | None, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with open_pool(load(IngestSettings, config).database) as pool, transaction(pool) as connection:
            return await work(connection)

    return asyncio.run(ask())


def _line(one: Letter) -> str:
    done = f"  replayed: {one.outcome}" if one.replayed_at else ""
    return (
        f"{one.id}  {one.received_at:%Y-%m-%d %H:%M:%S}  {one.reason}  {one.topic}  {one.bytes_total} B{done}\n"
        f"    {one.detail[:_DETAIL_SHOWN]}"
    )


def _quarantined(one: Quarantined) -> str:
    return (
        f"{one.last_at:%Y-%m-%d %H:%M:%S}  {one.reason}  {one.tenant}/{one.gateway}  alias {one.alias}  "
        f"{one.samples} samples, the newest {one.value} at {one.time_ns} ns\n    {one.way_out}"
    )


def _json(items: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(items), indent=2, ensure_ascii=False, default=str)
