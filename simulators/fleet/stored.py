"""What the database shows of a fleet, through the door that every reader uses: hot, packed and late samples alike.

telemetry.samples(series, since, until) ──arrays, one row a series──► numpy
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

_DIGITS = 5
_EPOCH_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_2000_US = 946_684_800_000_000
# Dimensions, flags, element type, length, lower bound; then every element behind its length (PostgreSQL, array_send).
_ARRAY_HEAD_BYTES = 20


class Series(NamedTuple):
    """Parallel arrays in the order of gateways and tags: which tag of which gateway a series is."""

    id: NDArray[np.int64]
    gateway: NDArray[np.int64]
    tag: NDArray[np.int64]

    def part(self, first: int, end: int) -> "Series":
        return Series(self.id[first:end], self.gateway[first:end], self.tag[first:end])


class Rows(NamedTuple):
    """Rows of one series, in any order: µs since 1970, value (NaN: none), quality code."""

    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    code: NDArray[np.uint16]


class Sums(NamedTuple):
    """Of one series over its whole life: samples with a value, samples without, and the sum of the values."""

    good: int
    bad: int
    total: float


class SetAside(NamedTuple):
    """What ingest did not store as it came."""

    dead_letters: int
    quarantined: int


NO_ROWS = Rows(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16))


async def find_series(connection: Connection) -> Series:
    """All series of the tenant that the transaction is in."""
    cursor = await connection.execute(queries.series, {"digits": _DIGITS})
    found = np.array(await cursor.fetchall(), np.int64).reshape(-1, 3)
    return Series(found[:, 0], found[:, 1], found[:, 2])


async def find_rows(connection: Connection, series: Sequence[int], since_ns: int, until_ns: int) -> dict[int, Rows]:
    """Everything there is of some series in a period."""
    wanted = {"series": list(series), "since": _moment(since_ns), "until": _moment(until_ns)}
    cursor = await connection.execute(queries.samples, wanted, binary=True)
    return {
        series_id: Rows(
            _elements(times, ">i8").astype(np.int64) + _EPOCH_2000_US,
            _elements(values, ">f8").astype(np.float64),
            _elements(codes, ">i2").astype(np.uint16),
        )
        for series_id, times, values, codes in await cursor.fetchall()
    }


async def find_sums(connection: Connection, series: Sequence[int], since_ns: int, until_ns: int) -> dict[int, Sums]:
    """What the rollups say."""
    wanted = {"series": list(series), "since": _moment(since_ns), "until": _moment(until_ns)}
    cursor = await connection.execute(queries.sums, wanted)
    return {series_id: Sums(*sums) for series_id, *sums in await cursor.fetchall()}


async def count_outside(connection: Connection, series: Sequence[int], since_ns: int, until_ns: int) -> int:
    """Rows of these series before or after a period."""
    wanted = {"series": list(series), "since": _moment(since_ns), "until": _moment(until_ns)}
    row = await (await connection.execute(queries.outside, wanted)).fetchone()
    assert row
    return int(row[0])


async def count_set_aside(connection: Connection) -> SetAside:
    """Of all gateways of the tenant."""
    row = await (await connection.execute(queries.set_aside)).fetchone()
    assert row
    return SetAside(*row)


def _elements(sent: bytes, dtype: str) -> NDArray[Any]:
    return np.frombuffer(sent, [("bytes", ">i4"), ("element", dtype)], offset=_ARRAY_HEAD_BYTES)["element"]


def _moment(time_ns: int) -> datetime:
    """Exact to the µs, where a float of seconds would not be."""
    return _EPOCH_1970 + timedelta(microseconds=time_ns // 1000)
