"""A damaged spool: every batch that is still whole goes into a new file, the old one is set aside.

    gw.spool ──carve: rows whose sha256 is right──► gw.spool-salvaged ──rename──► gw.spool, old run ids and numbers
        └──rename──► gw.spool.damaged

Numbers are never given anew: what comes through keeps its run, what does not is told to the log and to the cloud.
Receipts are not salvaged: the cloud knows better than a damaged file, and what it has it takes only once.
"""

import contextlib
import hashlib
import itertools
import mmap
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog

from edge_gateway import SpoolUnwritable
from edge_gateway.spool.carving import Buffer, Record, carve, ends_beyond
from edge_gateway.spool.connection import PAGE_BYTES, beside, set_aside, unusable
from edge_gateway.spool.file import SpoolFile
from edge_gateway.spool.rows import Gap, Opened, Salvaged, batch_id, run_no_of
from edge_gateway.uplink.ranges import Ranges
from protocols import UndecodablePayload
from protocols.wire import columnar

log = structlog.get_logger()

_PAGE_SIZES = (PAGE_BYTES, 1024)  # of today, and of layout 1
_BLOCK = 16
_RUN_NO_END = 1 << 22


class _Content(NamedTuple):
    """What stands in a damaged file besides its batches; `about`: rows of layout 1, which had the payloads apart."""

    catalogs: dict[int, bytes]
    gaps: dict[int, Gap]
    about: dict[int, tuple[bytes, int, int]]


def open_spool_file(path: Path, max_bytes: int, keep_s: float, *, thin: bool = True) -> tuple[SpoolFile, Opened]:
    """Open the spool at `path`, a new one if there is none or if it is damaged.

    Raises:
        SpoolTaken: another process has it open.
        SpoolUnwritable: the place cannot be written.
    """
    new = beside(path, "-salvaged")
    if new.exists() and not path.exists():  # a salvage was killed at its very end
        new.rename(path)
    file = SpoolFile(path, max_bytes, keep_s, thin=thin)
    try:
        log_before = _log(path)
        try:
            return file, _opened(file, log_before)
        except sqlite3.DatabaseError as error:
            if reason := unusable(path, error):
                raise reason from error
            log.error("spool damaged", cause=str(error))
        salvaged = _salvage(path, log_before, SpoolFile(new, max_bytes, keep_s))
        aside = set_aside(path, "damaged")
        new.rename(path)
        log.warning("spool salvaged", batches=salvaged, kept_as=str(aside), way_out="keep it for analysis")
        found = _opened(file, b"")
    except (OSError, sqlite3.OperationalError) as error:
        raise SpoolUnwritable(f"{path}: {error}; give the gateway a folder with space left") from error
    return file, Opened(found.runs, found.catalogs, aside, salvaged)


def _log(path: Path) -> bytes:
    """The log as it was left: SQLite forgets what stands behind the first damaged place."""
    try:
        return beside(path, "-wal").read_bytes()
    except FileNotFoundError:
        return b""


def _opened(file: SpoolFile, log_before: bytes) -> Opened:
    try:
        file.open()
    except UnicodeDecodeError as error:  # SQLite quotes damaged names in its message
        raise sqlite3.DatabaseError("names in the file are damaged") from error
    try:
        # One transaction that SQLite does not take is what a power cut leaves; more of them were committed.
        if ends_beyond(log_before, file.page_bytes, file.log_frames) > 1:
            raise sqlite3.DatabaseError("the log is damaged")
        return Opened(file.held(), file.catalogs())
    except BaseException:
        file.close()
        raise


def _salvage(path: Path, log_before: bytes, into: SpoolFile) -> int:
    """Fill a new file, block by block, and write down what is missing; returns how many batches came through."""
    for suffix in ("", "-wal", "-reserve"):
        beside(into.path, suffix).unlink(missing_ok=True)
    count = 0
    into.open()
    with contextlib.closing(into), path.open("rb") as file:
        database = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
        page_bytes, content = _content(database, log_before)
        into.take_over((), content.catalogs, content.gaps.values())
        batches = _batches(carve(database, log_before, page_bytes), content)
        while block := list(itertools.islice(batches, _BLOCK)):
            into.take_over(block, {}, ())
            count += len(block)
        into.tell_missing()
    beside(into.path, "-reserve").unlink(missing_ok=True)
    return count


def _content(database: Buffer, log_before: bytes) -> tuple[int, _Content]:
    """The size of its pages and what can be told without the payloads."""
    tried = []
    for page_bytes in _page_sizes(database):
        content = _Content({}, {}, {})
        rows = sum(_sort(record, content) for record in carve(database, log_before, page_bytes))
        tried.append((rows, page_bytes, content))
    _, page_bytes, content = max(tried, key=lambda attempt: attempt[0])
    return page_bytes, content


def _page_sizes(database: Buffer) -> tuple[int, ...]:
    """What the head of the file says; where that is damaged, too, both are tried."""
    told = int.from_bytes(database[16:18], "big")
    return (told,) if told in _PAGE_SIZES else _PAGE_SIZES


def _sort(record: Record, content: _Content) -> int:
    """Tell a row by its shape; returns 1, to be counted."""
    match record.values:
        case (None, bytes(body)) if body[:1] == b"{":
            content.catalogs[record.rowid] = body
        case (None, int(last), int(samples), int(first_ns), int(last_ns), str(reason)):
            before = content.gaps.get(record.rowid)
            if before is None or last > before.last_id:
                content.gaps[record.rowid] = Gap(record.rowid, last, samples, first_ns, last_ns, reason)
        case (None, int(), int(), int(first_ns), int(last_ns), bytes(sha256), None | int()):
            content.about[record.rowid] = (sha256, first_ns, last_ns)
    return 1


def _batches(records: Iterable[Record], content: _Content) -> Iterator[Salvaged]:
    """Every batch whose bytes are what was once committed, once; under the number that its own header says."""
    numbers: dict[UUID, int] = {}
    done = Ranges((gap.first_id, gap.last_id) for gap in content.gaps.values())
    for record in records:
        match record.values:
            case (None, int(), int(first_ns), int(last_ns), bytes(sha256), bytes(body)):
                pass
            case (None, bytes(body)) if record.rowid in content.about:
                sha256, first_ns, last_ns = content.about[record.rowid]
            case _:
                continue
        if hashlib.sha256(body).digest() != sha256:
            continue
        with contextlib.suppress(UndecodablePayload):
            header = columnar.read_header(body)
            id_ = batch_id(_run_no(header.run_id, record.rowid, numbers), header.seq)
            if id_ not in done:
                done.add(id_, id_)
                yield Salvaged(id_, header.run_id, header.revision, header.count, first_ns, last_ns, sha256, body)


def _run_no(run: UUID, rowid: int, numbers: dict[UUID, int]) -> int:
    """The number of a run in the new file: the old one, unless that was damaged."""
    if run not in numbers:
        old = run_no_of(rowid)
        taken = old in numbers.values() or not 0 < old < _RUN_NO_END
        numbers[run] = max(numbers.values(), default=0) + 1 if taken else old
    return numbers[run]
