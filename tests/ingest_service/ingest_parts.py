"""What the tests of this room send and expect: payloads of small gateways, and the rows they must become."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import numpy as np

from ingest_service.delivery import Delivery, Message, deliver, read
from ingest_service.series_map import SeriesMap
from protocols.sample import DTYPE_OF, Column, ValueKind
from protocols.topics import GatewayAddress, Up
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState

NOW_NS = 1_790_000_000 * 10**9
GATEWAY = GatewayAddress("demo", "gw-1")
GATEWAY_ID = UUID(int=1)
SERIES = SeriesMap.of({alias: 100 + alias for alias in range(50)})


def column(values: Sequence[object], *, kind=ValueKind.FLOAT, aliases=None, times_ns=None, codes=None) -> Column:
    """n samples; by default alias i at NOW_NS + i µs, GOOD."""
    n = len(values)
    return Column(
        kind,
        np.arange(n, dtype=np.uint32) if aliases is None else np.array(aliases, np.uint32),
        NOW_NS + np.arange(n, dtype=np.int64) * 1000 if times_ns is None else np.array(times_ns, np.int64),
        np.array(values, DTYPE_OF[kind]),
        np.zeros(n, np.uint16) if codes is None else np.array(codes, np.uint16),
    )


def payload(*columns: Column, run: UUID, seq: int, revision: int = 1, compress: bool = False) -> bytes:
    """A columnar batch."""
    header = BatchHeader(run, seq, revision, ClockState.SYNCED, sum(len(one) for one in columns))
    return columnar.encode(header, columns, compress=compress)


def delivery(data: bytes, *, gateway_id: UUID | None = GATEWAY_ID, series: SeriesMap = SERIES) -> Delivery:
    """What intake makes of a payload of a known gateway."""
    message = Message(GATEWAY.up(Up.DATA), data)
    return deliver(message, read(message), gateway_id, series)


def simple(seq: int, *, run: UUID | None = None, values: Sequence[float] = (1.0, 2.0), **more) -> Delivery:
    """A delivery with a few floats."""
    return delivery(payload(column(values, **more), run=run or uuid4(), seq=seq))
