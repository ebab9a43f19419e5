"""One batch as a row of the spool: made of columns, and looked at again before it is published.

The payload carries its own identity, so a row whose number or run has changed on disk is found as well as a payload
that has.
"""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from edge_gateway.batcher import size_bytes
from edge_gateway.clock.doubt import Correction, corrected
from edge_gateway.spool.rows import seq_of
from edge_gateway.spool.runs import Run
from protocols import UndecodablePayload
from protocols.sample import Columns
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState

_COMPRESS_FROM_BYTES = 512


def packed(run: Run, columns: Columns, clock: ClockState) -> dict[str, Any]:
    """The row of a new batch of `run`."""
    id_ = run.next_id()
    count = sum(len(column) for column in columns)
    header = BatchHeader(run.run, seq_of(id_), run.revision, clock, count)
    return {"id": id_, "samples": count, **_payload(header, columns)}


def put_right(body: bytes, correction: Correction, clock: ClockState) -> dict[str, Any]:
    """What changes in the row of a batch when its samples are put on the right time."""
    batch = columnar.decode(body)
    assert batch.header
    return _payload(replace(batch.header, clock=clock), corrected(batch.columns, correction))


def _payload(header: BatchHeader, columns: Columns) -> dict[str, Any]:
    body = columnar.encode(header, columns, compress=size_bytes(columns) >= _COMPRESS_FROM_BYTES)
    return {
        "first_ns": min(int(np.min(column.time_ns)) for column in columns),
        "last_ns": max(int(np.max(column.time_ns)) for column in columns),
        "sha256": hashlib.sha256(body).digest(),
        "body": body,
    }


def is_whole(run: Run, id_: int, sha256: bytes, body: bytes) -> bool:
    """Whether these are the bytes that were written as this batch."""
    if hashlib.sha256(body).digest() != sha256:
        return False
    try:
        header = columnar.read_header(body)
    except UndecodablePayload:
        return False
    return (header.run_id, header.seq) == (run.run, seq_of(id_))
