"""What the tests of reading back share: samples written as packs and as hot rows, and what they must look like."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import psycopg

from ingest_service.storage.pack_format import COLUMNS, encode_packs
from ingest_service.storage.packs import pack
from ingest_service.storage.samples import Samples, in_order
from protocols.sample import Quality

EPOCH_2000_S = 946_684_800


class Truth(NamedTuple):
    """Samples of one series in the order of time; the value means nothing where the code is BAD."""

    series: int
    time_us: np.ndarray
    value: np.ndarray
    code: np.ndarray

    @property
    def good(self) -> np.ndarray:
        return self.code >> 8 < Quality.BAD

    def at(self, where) -> "Truth":
        return Truth(self.series, self.time_us[where], self.value[where], self.code[where])


def truth(series: int, since: datetime, every_s: float, values: Sequence[float], codes=None) -> Truth:
    """Samples at even distances, GOOD unless said otherwise."""
    n = len(values)
    times = round(since.timestamp() * 1e6) + np.arange(n, dtype=np.int64) * round(every_s * 1e6)
    return Truth(series, times, np.array(values, float), np.zeros(n, int) if codes is None else np.array(codes, int))


def add_packs(database, *truths: Truth) -> None:
    """Store samples as the packer would."""
    good = np.concatenate([one.good for one in truths])
    samples = Samples(
        np.concatenate([np.full(len(one.time_us), one.series, np.int32) for one in truths]),
        np.concatenate([one.time_us for one in truths]) - EPOCH_2000_S * 10**6,
        np.where(good, np.concatenate([one.value for one in truths]), 0.0),
        good,
        np.concatenate([one.code for one in truths]).astype(np.int16),
    )
    statement = f"COPY telemetry.pack ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
    with psycopg.connect(database.dsn("lw_ingest")) as connection, connection.cursor().copy(statement) as copy:
        for part in encode_packs(pack(in_order(samples))):
            copy.write(part)


def add_hot(database, *truths: Truth) -> None:
    """Store samples as ingest would, arrived now."""
    statement = "COPY telemetry.sample (time, value, series_id, arrived, quality) FROM STDIN"
    with psycopg.connect(database.dsn("lw_ingest")) as connection:
        [minute] = connection.execute("SELECT extract(epoch FROM now())::int / 60").fetchone()
        with connection.cursor().copy(statement) as copy:
            for one in truths:
                for time_us, value, code, good in zip(one.time_us, one.value, one.code, one.good, strict=True):
                    time = datetime.fromtimestamp(time_us / 1e6, UTC)
                    copy.write_row((time, float(value) if good else None, one.series, minute, int(code)))


def add_texts(database, series: int, rows) -> None:
    """rows: (time, text, quality code)."""
    with psycopg.connect(database.dsn("lw_ingest")) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO telemetry.text_sample (series_id, time, value, quality) VALUES (%s, %s, %s, %s)",
            [(series, *row) for row in rows],
        )


def steps_of(one: Truth, step_s: int) -> dict[float, tuple[float, float, float]]:
    """Step start in ms → mean, least, greatest of its values."""
    good = one.at(one.good)
    place = good.time_us // (step_s * 10**6)
    return {
        float(key * step_s * 1000): (part.mean(), part.min(), part.max())
        for key in np.unique(place)
        for part in [good.value[place == key]]
    }
