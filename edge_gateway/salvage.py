"""A damaged spool: set it aside, start a new one, and bring over every batch that is still whole.

    gw.spool ──rename──► gw.spool.damaged-<time>  ──rows whose sha256 is right──► new gw.spool, old run ids and numbers

Numbers are never given anew: what comes through keeps its run, what does not is told to the log and to the cloud.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import structlog

from edge_gateway.spool_connection import unusable
from edge_gateway.spool_file import SpoolFile
from edge_gateway.spooled import Opened, Salvaged, queries, seq_of
from protocols import UndecodablePayload
from protocols.wire import columnar

log = structlog.get_logger()

_BESIDE = ("", "-wal", "-shm")


def open_spool_file(path: Path, max_bytes: int, keep_s: float) -> tuple[SpoolFile, Opened]:
    """Open the spool at `path`, a new one if there is none or if it is damaged.

    Raises:
        SpoolTaken: another process has it open.
        SpoolUnwritable: the place cannot be written.
    """
    try:
        return _opened(SpoolFile(path, max_bytes, keep_s))
    except sqlite3.DatabaseError as error:
        if reason := unusable(path, error):
            raise reason from error
        set_aside = _set_aside(path)
        log.error("spool damaged, set aside", cause=str(error), kept_as=str(set_aside), way_out="keep it for analysis")
    spool, _ = _opened(SpoolFile(path, max_bytes, keep_s))
    salvaged = spool.take_over(_catalogs(set_aside), _readable(set_aside))
    log.warning("spool salvaged", batches=salvaged)
    return spool, Opened(spool.runs(), spool.catalogs(), set_aside, salvaged)


def _opened(spool: SpoolFile) -> tuple[SpoolFile, Opened]:
    spool.open()
    try:
        return spool, Opened(spool.runs(), spool.catalogs())
    except BaseException:
        spool.close()
        raise


def _set_aside(path: Path) -> Path:
    """Rename the file and its log; a third damaged file in one second still gets its own name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _readable(path: Path) -> Iterator[Salvaged]:
    """Every batch whose bytes are what was once committed."""
    with contextlib.closing(sqlite3.connect(path)) as old:
        for id_ in _ids(old):
            with contextlib.suppress(sqlite3.DatabaseError, UndecodablePayload):
                row = old.execute(queries.salvage, {"id": id_}).fetchone()
                if row and hashlib.sha256(row[-1]).digest() == row[-2]:
                    header = columnar.decode(row[-1]).header
                    if header and header.seq == seq_of(id_):
                        yield Salvaged(id_, header.run_id, *row)


def _ids(old: sqlite3.Connection) -> list[int]:
    """As many ids as can be read from the front, and then from the back."""
    found: set[int] = set()
    for query in (queries.ids_from_front, queries.ids_from_back):
        with contextlib.suppress(sqlite3.DatabaseError):
            for (id_,) in old.execute(query):
                found.add(id_)
    return sorted(found)


def _catalogs(path: Path) -> dict[int, bytes]:
    with contextlib.closing(sqlite3.connect(path)) as old, contextlib.suppress(sqlite3.DatabaseError):
        return dict(old.execute(queries.catalogs).fetchall())
    return {}
