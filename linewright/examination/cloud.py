"""The server's part: phone app, secrets, database and what it refused."""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg

from ingest_service.disk import measure
from ingest_service.settings import DiskSettings
from linewright.examination.finding import ANSWER_WITHIN_S, Check, Finding, blocking
from linewright.layout import Layout

_DSN = "LINEWRIGHT_DATABASE__DSN"
_PLACE = "SELECT pg_database_size(current_database()), telemetry.data_folder()"
_WEB = Path(__file__).parents[2] / "web" / "dist" / "index.html"


def is_here(layout: Layout) -> bool:
    """Whether this box has, or is told of, a server's part."""
    return layout.connections.exists() or _DSN in os.environ


def checks(layout: Layout) -> list[Check]:
    """What only a server has."""
    return [
        blocking("phone app", app),
        blocking("secrets", partial(secrets, layout)),
        blocking("database", partial(database, layout)),
    ]


def app() -> Iterator[Finding]:
    """Whether the pages that phones load are there."""
    if _WEB.exists():
        yield Finding("phone app", "ok", "built")
    else:
        yield Finding("phone app", "warn", "not built", "run: make web")


def secrets(layout: Layout) -> Iterator[Finding]:
    """Whether anybody else can read them."""
    open_to_others = [path for path in layout.connections.parent.glob("*") if path.stat().st_mode & 0o077]
    if open_to_others:
        names = " ".join(str(path) for path in open_to_others)
        yield Finding("secrets", "fail", "readable by others", f"run: chmod 600 {names}")
    else:
        yield Finding("secrets", "ok", "readable by their owner only")


def database(layout: Layout) -> Iterator[Finding]:
    """Whether it answers, has the schema of this version, and took everything."""
    dsn = os.environ.get(_DSN)
    if not dsn and layout.connections.exists():
        dsn = json.loads(layout.connections.read_text())["owner"]
    if not dsn:
        yield Finding("database", "warn", "none yet", f"`linewright up` makes one; or set {_DSN}")
        return
    try:
        with psycopg.connect(dsn, connect_timeout=int(ANSWER_WITHIN_S)) as connection:
            letters = connection.execute("SELECT count(*) FROM telemetry.dead_letter").fetchone()
            place = connection.execute(_PLACE).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        yield Finding("database", "fail", "the schema is missing or old", "run: linewright migrate")
    except psycopg.Error as error:
        yield Finding("database", "fail", str(error).splitlines()[0], f"is `linewright up` running? Or check {_DSN}")
    else:
        yield _letters(letters[0] if letters else 0)
        yield from _rooms(*place) if place else ()


def _rooms(size_bytes: int, folder: str | None) -> Iterator[Finding]:
    """What is left where the data lie, if that is this box; ingest stops at the same bound."""
    for room in measure(DiskSettings(), size_bytes, Path(folder) if folder else None):
        low = room.left_bytes < room.least_bytes
        way_out = "make room, or set [retention] for the packer: ingest takes nothing until then" if low else ""
        yield Finding("database disk", "fail" if low else "ok", str(room), way_out)


def _letters(count: int) -> Finding:
    if not count:
        return Finding("database", "ok", "answers, nothing was refused")
    query = "SELECT received_at, topic, reason, detail FROM telemetry.dead_letter ORDER BY 1 DESC LIMIT 20"
    return Finding("database", "warn", f"{count} refused payloads", query)
