"""Writes a spool as the first release did: payloads apart, receipts in the rows, pages of 1 kB."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from protocols.sample import Columns
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState
from tests.edge_gateway.gateway_parts import NOW_NS

REVISION = 7
_LAYOUT = """
PRAGMA page_size = 1024;
PRAGMA journal_mode = WAL;
CREATE TABLE run (
  run_no INTEGER PRIMARY KEY, run_id BLOB NOT NULL UNIQUE, revision INTEGER NOT NULL, started_ns INTEGER NOT NULL
);
CREATE TABLE catalog (revision INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE batch (
  id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, samples INTEGER NOT NULL, first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL, sha256 BLOB NOT NULL, receipted_ns INTEGER
);
CREATE INDEX batch_receipted ON batch (receipted_ns) WHERE receipted_ns IS NOT NULL;
CREATE TABLE payload (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE dropped (
  first_id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, samples INTEGER NOT NULL, first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL, reason TEXT NOT NULL
);
PRAGMA user_version = 1;
"""


def write_layout_1(path: Path, run: UUID, batches: Mapping[int, Columns], receipted: set[int]) -> dict[int, bytes]:
    """One run with these batches by their numbers; returns their payloads."""
    payloads = {}
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript(_LAYOUT)
        db.execute("INSERT INTO run VALUES (1, ?, ?, ?)", (run.bytes, REVISION, NOW_NS))
        db.execute("INSERT INTO catalog VALUES (?, ?)", (REVISION, b"{}"))
        db.execute(
            "INSERT INTO dropped VALUES (?, ?, 900, ?, ?, 'no_space')", (1 << 40 | 1, 1 << 40 | 3, NOW_NS, NOW_NS)
        )
        for seq, columns in batches.items():
            id_, count = 1 << 40 | seq, sum(map(len, columns))
            body = columnar.encode(BatchHeader(run, seq, REVISION, ClockState.SYNCED, count), columns, compress=True)
            receipted_ns = NOW_NS + seq if seq in receipted else None
            about = (id_, REVISION, count, NOW_NS, NOW_NS, hashlib.sha256(body).digest(), receipted_ns)
            db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", about)
            db.execute("INSERT INTO payload VALUES (?, ?)", (id_, body))
            payloads[seq] = body
    return payloads
