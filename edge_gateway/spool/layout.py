"""Lays out a new spool and brings an old one to the layout of today, without needing more space than it has.

    layout 1 (batch + payload + receipts in the rows) ──block by block, each in one transaction──► layout 2

A process that is killed in between goes on at its next start.
"""

import contextlib
import sqlite3
from collections.abc import Sequence

import structlog

from edge_gateway import SpoolUnwritable
from edge_gateway.spool.connection import Database
from edge_gateway.spool.receipts import receipted_row
from edge_gateway.spool.rows import queries
from edge_gateway.uplink.ranges import Ranges

log = structlog.get_logger()

LAYOUT = 2
_TABLES = ("run", "catalog", "batch", "receipted", "dropped")
_TO_2 = (
    "rename_batch_1",
    "rename_payload_1",
    "drop_batch_receipted_1",
    "add_keep_1",
    "add_thinned_1",
    "add_sent_most_1",
    "create_batch",
    "create_receipted",
)
_COLUMNS = ("id", "samples", "first_ns", "last_ns", "sha256", "body")
_BLOCK = 16


def lay_out(db: Database) -> None:
    """Check the file, and create or change what is not as it is today.

    Raises:
        sqlite3.DatabaseError: it is damaged.
        SpoolUnwritable: a newer version has written it.
    """
    (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"quick_check says: {answer}")
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        _refuse(db, layout)
    if layout == 0:
        _make(db, [f"create_{name}" for name in _TABLES])
    if layout == 1:
        _make(db, _TO_2)
    if db.execute(queries.moving_from_1).fetchone()[0]:
        _move(db)
    _check_columns(db)


def _check_columns(db: Database) -> None:
    """The names of tables and columns stand in the file, too, and quick_check does not look at them."""
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        for name in _TABLES:
            model.execute(getattr(queries, f"create_{name}"))
            wanted, found = (set(file.execute(queries.columns, {"name": name})) for file in (model, db))
            if wanted != found:
                raise sqlite3.DatabaseError(f"table {name} has other columns than it was made with")


def _refuse(db: Database, layout: int) -> None:
    if {name for (name,) in db.execute(queries.tables)} == set(_TABLES):
        raise sqlite3.DatabaseError(f"says that its layout is {layout}, but it is {LAYOUT}")
    raise SpoolUnwritable(f"{db.path}: layout {layout} is of a newer version; install that version again")


def _make(db: Database, names: Sequence[str]) -> None:
    with db.transaction():
        for name in names:
            db.execute(getattr(queries, name))
        db.execute(f"PRAGMA user_version = {LAYOUT}")


def _move(db: Database) -> None:
    """Delete before inserting: the pages that become free are the ones that are needed."""
    log.info("spool gets a new layout, this happens once", path=str(db.path))
    while rows := db.execute(queries.block_of_1, {"most": _BLOCK}).fetchall():
        with db.transaction():
            for id_, *_ in rows:
                db.execute(queries.delete_payload_1, {"id": id_})
                db.execute(queries.delete_batch_1, {"id": id_})
            for row in rows:
                db.execute(queries.insert_batch, dict(zip(_COLUMNS, row[:-1], strict=True)))
            _receipt(db, {row[0]: row[-1] for row in rows if row[-1] is not None})
    _make(db, ("drop_payload_1", "drop_batch_1"))


def _receipt(db: Database, receipted_ns: dict[int, int]) -> None:
    for first, last in Ranges((id_, id_) for id_ in receipted_ns):
        db.execute(queries.insert_receipted, receipted_row(first, last, receipted_ns[last]))
