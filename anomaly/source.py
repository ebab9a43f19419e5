"""From messages of the broker to live samples with their series; what cannot be named yet waits a moment.

Message ─► batch ─► series of its aliases ─► GOOD values ─► live? ─► Samples
                         └─ catalog not registered yet: parked, at most `wait_s`
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import structlog

from anomaly.detectors.block import Float64s, Int64s
from anomaly.freshness import GatewayClock
from anomaly.metrics import IGNORED
from database.pool import Connection
from database.queries import load_queries
from ingest_service.catalogs import Catalogs
from ingest_service.delivery import Message, read
from ingest_service.series_map import UNKNOWN, SeriesMap
from ingest_service.transactions import Transactions
from protocols.sample import Columns, Quality, Reason, ValueKind, quality_code
from protocols.topics import GatewayAddress, parse
from protocols.wire.batch import Batch
from runtime.clock import NS_PER_S, Clock, ClockState

log = structlog.get_logger()
queries = load_queries(__file__)

_PARKED_MOST = 1000
# The value is good, only its time is not certain: a gateway without NTP must not be blind.
_USABLE = (quality_code(Quality.GOOD), quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED))


class _Parked(NamedTuple):
    message: Message
    since_ns: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Live samples of one batch; `rewound`: the gateway's clock was set back, times begin anew."""

    series: Int64s
    time_ns: Int64s
    value: Float64s
    rewound: bool


class Source:
    """Names samples and tells live ones from backlog."""

    def __init__(self, transactions: Transactions, clock: Clock, wait_s: float) -> None:
        self._transactions = transactions
        self._catalogs = Catalogs(transactions)
        self._clock = clock
        self._wait_ns = round(wait_s * NS_PER_S)
        self._parked: deque[_Parked] = deque()
        self._clocks: dict[GatewayAddress, GatewayClock] = {}

    async def take(self, messages: Sequence[Message]) -> tuple[list[Samples], list[Message]]:
        """Samples to evaluate, and the messages that are done with."""
        now_ns = self._clock.monotonic_ns()
        waiting = [*self._parked, *(_Parked(message, now_ns) for message in messages)]
        self._parked.clear()
        found, done = [], []
        for parked in waiting:
            samples = await self._read(parked.message)
            if samples is None and now_ns - parked.since_ns < self._wait_ns and len(self._parked) < _PARKED_MOST:
                self._parked.append(parked)
                continue
            done.append(parked.message)
            if samples is None:
                IGNORED.labels("unknown").inc()
            elif len(samples.series):
                found.append(samples)
        return found, done

    async def _read(self, message: Message) -> Samples | None:
        """None: its gateway or catalog is not known yet."""
        delivery = read(message)
        if delivery.batch is None:
            IGNORED.labels("undecodable").inc()  # ingest keeps it among the dead letters
            return _samples(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        address, _ = parse(message.topic)
        series = await self._series(address, delivery.batch)
        return None if series is None else self._live(address, delivery.batch, series)

    async def _series(self, address: GatewayAddress, batch: Batch) -> SeriesMap | None:
        gateway_id = await self._catalogs.gateway_id(address)
        if gateway_id is None:
            return None
        if batch.header:
            return await self._catalogs.series(gateway_id, batch.header.revision)
        known = await self._transactions.until_committed(lambda conn: _series_of_names(conn, address, batch))
        return SeriesMap.of(known) if len(known) == len(batch.names) else None

    def _live(self, address: GatewayAddress, batch: Batch, series: SeriesMap) -> Samples:
        found = _numbers(batch.columns, series)
        if not len(found.series):
            return found
        synced = batch.header is not None and batch.header.clock is ClockState.SYNCED
        clock = self._clocks.setdefault(address, GatewayClock(synced=synced))
        live = clock.live(found.time_ns, self._clock.now_ns())
        IGNORED.labels("backlog").inc(int((~live).sum()))
        return _samples(found.series[live], found.time_ns[live], found.value[live], rewound=clock.was_set_back)


def _numbers(columns: Columns, series: SeriesMap) -> Samples:
    """The usable samples of all columns but texts."""
    parts = []
    for column in columns:
        if column.kind is ValueKind.TEXT:
            continue
        row = series.find(column.alias)
        wanted = (row != UNKNOWN) & np.isin(column.code, _USABLE)
        parts.append((row[wanted], column.time_ns[wanted], column.value[wanted]))
    if not parts:
        return _samples(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    row, time_ns, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _samples(row.astype(np.int64), time_ns.astype(np.int64), value.astype(np.float64))


def _samples(series: Int64s, time_ns: Int64s, value: Float64s, *, rewound: bool = False) -> Samples:
    return Samples(series, time_ns, value, rewound)


async def _series_of_names(conn: Connection, address: GatewayAddress, batch: Batch) -> dict[int, int]:
    machines = sorted({machine for machine, _ in batch.names})
    found = await conn.execute(queries.series_of_names, {"tenant": address.tenant, "machines": machines})
    series = {(machine, tag): number for machine, tag, number in await found.fetchall()}
    return {alias: series[name] for alias, name in enumerate(batch.names) if name in series}
