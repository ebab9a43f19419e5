"""Where the samples of a group go: many of one series and hour as packs at once, the others as hot rows. Pure.

    rows (sorted) ─┬─ DENSE_LEAST or more of one series and hour ──pack──► stream for telemetry.pack, hours
                   └─ fewer ──────────────────────────────────────────────► hot rows, packed later with their neighbours

A row that is written, read back, packed and dropped costs ten times what it costs to pack it here. Below so many it
would not: a pack has a row, an index entry and a rollup of its own. A plant in normal operation sends one sample of a
series at a time; backlogs, fast scans and loads beyond measure come in bulk, and they are what has to be cheap.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.copy_format import Rows
from ingest_service.storage.pack_format import encode_packs
from ingest_service.storage.packs import HOUR_US, hour_starts, pack
from ingest_service.storage.parts import Parts
from ingest_service.storage.samples import Samples
from protocols.sample import Quality

DENSE_LEAST = 32

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Layout(NamedTuple):
    """`packs` is a COPY stream, empty when there are none, `hours` those that they lie in."""

    hot: Rows
    packs: bytes = b""
    hours: frozenset[datetime] = frozenset()


def lay_out(rows: Rows) -> Layout:
    """Divide rows in the order of series and time."""
    series, time_us = rows["series"].astype(np.int32), rows["time_us"].astype(np.int64)
    parts = Parts.cut(hour_starts(series, time_us), len(rows))
    dense = parts.lengths >= DENSE_LEAST
    if not dense.any():
        return Layout(rows)
    quality = rows["quality"].astype(np.int16)
    present = quality >> 8 != Quality.BAD
    samples = Samples(series, time_us, rows["value"].astype(np.float64), present, quality)
    packed = samples.at(parts.some(dense).where)
    return Layout(rows[~parts.spread(dense)], b"".join(encode_packs(pack(packed))), hours_of(packed.time_us))


def hours_of(time_us: NDArray[np.int64]) -> frozenset[datetime]:
    """The hours that these times, in PostgreSQL's µs since 2000, lie in."""
    hours = np.unique(time_us // HOUR_US)
    return frozenset(_EPOCH + timedelta(hours=hour) for hour in hours.tolist())
