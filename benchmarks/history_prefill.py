"""What is stored before anybody asks: a year of ten tags and the last hour of all, as packs; for the peer, as rows.

FleetPlan ──MachineData──► blocks of samples, sorted ──pack──► telemetry.pack
                                                     └───────► public.narrow: fewer of them
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest_site import Site
from database.queries import load_queries
from ingest_service import worker
from ingest_service.copy_format import empty_rows, encode_rows, postgres_us
from ingest_service.storage.pack_format import COLUMNS, encode_packs
from ingest_service.storage.packs import pack
from ingest_service.storage.samples import Samples
from protocols.sample import GOOD
from simulators.fleet.machine_data import MachineData
from simulators.fleet.plan import FleetPlan

GATEWAYS = 40
YEAR_TAGS = 10
PEER_GATEWAYS = range(10)
PEER_YEAR_TAGS = 1

_FULL = 100e6
_YEAR_S = 365 * 86_400
_RECENT_S = 3_900
_BLOCK_SAMPLES = 2_000_000
_SERIES = (
    "SELECT right(machine.slug, 5)::int, right(tag.slug, 5)::int, tag.series_id"
    " FROM registry.tag JOIN registry.machine ON machine.id = tag.machine_id"
)

queries = load_queries(worker.__file__)

Block = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint16]]
"""Series, ns, value and code of samples in the order of series and time."""


class Part(NamedTuple):
    """The first `tags` of some gateways, at every scan of a plan."""

    plan: FleetPlan
    gateways: Sequence[int]
    tags: int
    scans: int

    @property
    def samples(self) -> int:
        return len(self.gateways) * self.tags * self.scans


@dataclass(frozen=True)
class Prefill:
    """The fleet that goes on living, and the two parts of what it did before."""

    live: FleetPlan
    year: Part
    recent: Part
    ends: datetime

    @classmethod
    def of(cls, samples: int) -> Self:
        """About so many samples; fewer: longer pauses within the year, fewer tags in the last hour."""
        tags = max(YEAR_TAGS, round(250 * samples / _FULL))
        live = FleetPlan(tenant="history", gateways=GATEWAYS, tags=tags, scans_in_batch=1)
        ends_s = int(time.time())
        recent_s = ends_s - _RECENT_S
        scan_ms = round(5000 * _FULL / samples)
        year = live.model_copy(update={"tags": YEAR_TAGS, "scan_ms": scan_ms, "start_ns": (recent_s - _YEAR_S) * 10**9})
        recent = live.model_copy(update={"start_ns": recent_s * 10**9})
        return cls(
            live,
            Part(year, [0], YEAR_TAGS, math.ceil(_YEAR_S * 1000 / scan_ms) - 1),
            Part(recent, range(GATEWAYS), tags, _RECENT_S),
            datetime.fromtimestamp(ends_s, UTC),
        )

    @property
    def samples(self) -> int:
        return self.year.samples + self.recent.samples

    @property
    def peer(self) -> tuple[Part, Part]:
        """What the narrow table gets."""
        return self.year._replace(tags=PEER_YEAR_TAGS), self.recent._replace(gateways=PEER_GATEWAYS)


class Names:
    """Series by gateway and tag."""

    def __init__(self, site: Site) -> None:
        with site.owner() as connection:
            self._ids = {(gateway, tag): series for gateway, tag, series in connection.execute(_SERIES)}

    def of(self, part: Part) -> list[int]:
        return [self._ids[gateway, tag] for gateway in part.gateways for tag in range(part.tags)]


def fill(site: Site, prefill: Prefill, names: Names) -> None:
    """Packs of both parts, as the packer leaves them."""
    statement = f"COPY telemetry.pack ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
    with site.owner() as connection:
        for series, time_ns, value, code in _blocks(names, prefill.year, prefill.recent):
            good = code == GOOD
            samples = Samples(series, postgres_us(time_ns), np.where(good, value, 0.0), good, code.astype(np.int16))
            with connection.cursor().copy(statement.encode()) as copy:
                for part in encode_packs(pack(samples)):
                    copy.write(part)
        connection.execute("VACUUM ANALYZE telemetry.pack")


def fill_peer(site: Site, prefill: Prefill, names: Names) -> None:
    with site.owner() as connection:
        connection.execute(
            "CREATE TABLE public.narrow (time timestamptz NOT NULL, value float8, series_id int NOT NULL,"
            " arrived int NOT NULL, quality smallint NOT NULL)"
        )
        statement = queries.copy_samples.replace("telemetry.sample", "public.narrow")
        for series, time_ns, value, code in _blocks(names, *prefill.peer):
            rows = empty_rows(len(series))
            rows["series"], rows["time_us"], rows["value"], rows["quality"] = series, postgres_us(time_ns), value, code
            with connection.cursor().copy(statement.encode()) as copy:
                for part in encode_rows(rows):
                    copy.write(part)
        connection.execute("CREATE INDEX ON public.narrow (series_id, time)")
        connection.execute("VACUUM ANALYZE public.narrow")


def verify(site: Site, prefill: Prefill, names: Names) -> None:
    """What one tag of each part holds is what was made, in both tables."""
    for part in prefill.peer:
        one = part._replace(gateways=part.gateways[-1:], tags=1)
        made = [(value, code == GOOD) for _, _, value, code in _blocks(names, one)]
        count = sum(len(good) for _, good in made)
        total = math.fsum(value[good].sum() for value, good in made)
        [series] = names.of(one)
        since = datetime.fromtimestamp(part.plan.start_ns / 1e9, UTC)
        until = datetime.fromtimestamp((part.plan.start_ns + part.scans * part.plan.scan_ns) / 1e9, UTC)
        for table in ("telemetry.stored", "public.narrow"):
            query = f"SELECT count(*), sum(value) FROM {table} WHERE series_id = %s AND time >= %s AND time < %s"
            with site.owner() as connection:
                found = connection.execute(query.encode(), [series, since, until]).fetchone()
            if found is None or found[0] != count or not math.isclose(found[1], total, rel_tol=1e-9):
                raise AssertionError(f"{table} holds {found} of series {series}, made were {count} with sum {total}")


def _blocks(names: Names, *parts: Part) -> Iterator[Block]:
    for part in parts:
        for gateway in part.gateways:
            series = np.array(names.of(part._replace(gateways=[gateway])), np.int32)
            per_block = max(1, _BLOCK_SAMPLES // part.plan.tags)
            for first in range(0, part.scans, per_block):
                yield _block(part, gateway, series, np.arange(first, min(first + per_block, part.scans)))


def _block(part: Part, gateway: int, series: NDArray[np.int32], scans: NDArray[np.int64]) -> Block:
    data: Any = MachineData(part.plan)
    return (
        np.repeat(series, len(scans)),
        np.tile(part.plan.times_ns(gateway, scans), len(series)),
        data.values(gateway, scans)[:, : part.tags].T.ravel(),
        np.tile(data.codes(gateway, scans), len(series)),
    )
