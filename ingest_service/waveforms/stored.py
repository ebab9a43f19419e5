"""Bursts out of the database: which there are, and one of them with its values.

Every function runs inside a tenant's transaction and sees what that tenant may see; a burst without all its parts is
not there.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import class_row

from database.pool import Connection
from database.queries import load_queries
from ingest_service.waveforms import DamagedWaveform, UnknownWaveform

queries = load_queries(__file__)


class StoredWaveform(NamedTuple):
    """A whole burst: `raw[i] * scale` in the tag's unit was measured at `start_ns + i / rate_hz`."""

    id: UUID
    series_id: int
    start_at: datetime
    start_ns: int
    rate_hz: float
    scale: float
    dtype: str
    n: int
    size_bytes: int
    sha256: bytes
    clock: int
    received_at: datetime


async def list_waveforms(
    connection: Connection, series_ids: Sequence[int], since: datetime, until: datetime, most: int
) -> list[StoredWaveform]:
    """Those that began in a period, newest first; more than `most` only where several began with the last one."""
    asked = {"series": list(series_ids), "since": since, "until": until, "most": most}
    async with connection.cursor(row_factory=class_row(StoredWaveform)) as cursor:
        return await (await cursor.execute(queries.waveforms, asked)).fetchall()


async def find_waveform(connection: Connection, waveform_id: UUID) -> StoredWaveform:
    """One of them.

    Raises:
        UnknownWaveform.
    """
    async with connection.cursor(row_factory=class_row(StoredWaveform)) as cursor:
        found = await (await cursor.execute(queries.waveform, {"id": waveform_id})).fetchone()
    if found is None:
        raise UnknownWaveform(f"there is no whole waveform {waveform_id}")
    return found


async def load_raw(connection: Connection, waveform: StoredWaveform) -> NDArray[Any]:
    """Its values as they were measured, before `scale`.

    Raises:
        UnknownWaveform: it was deleted meanwhile.
        DamagedWaveform: the hash is another one.
    """
    rows = await (await connection.execute(queries.data, {"id": waveform.id}, binary=True)).fetchall()
    if not rows:
        raise UnknownWaveform(f"there is no whole waveform {waveform.id} any more")
    data = b"".join(bytes(part) for _, part in rows)
    if sha256(data).digest() != waveform.sha256 or len(data) != waveform.n * np.dtype(waveform.dtype).itemsize:
        raise DamagedWaveform(
            f"the parts of waveform {waveform.id} do not give what was measured; its device hashed something else, or "
            "the database was changed by hand"
        )
    return np.frombuffer(data, waveform.dtype)
