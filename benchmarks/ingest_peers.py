"""What else can be done with the same samples: bare COPY, executemany, one INSERT for each message.

plan ──values, sorted as ingest sorts them──► rows ──one bare client──► a table, with a b-tree or without
"""

import json
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.ingest_site import Site
from database.queries import load_queries
from ingest_service import worker
from ingest_service.copy_format import Rows, empty_rows, encode_rows, postgres_us
from protocols.sample import GOOD
from simulators.fleet.machine_data import MachineData
from simulators.fleet.plan import FleetPlan

GROUP_ROWS = 100_000
_EXECUTEMANY_ROWS = 1000
_EXECUTEMANY_S = 3.0
_JSON_S = 2.0
# Series that no tag has: nobody who reads telemetry sees them.
_STRANGE_SERIES = 1_000_000_000

queries = load_queries(worker.__file__)


def make_narrow_table(site: Site) -> None:
    """The table of most schemas: narrow, with a b-tree on series and time; nothing tidies it while ours is measured."""
    with site.owner() as connection:
        connection.execute(
            "CREATE TABLE public.narrow (time timestamptz NOT NULL, value float8, series_id int NOT NULL,"
            " arrived int NOT NULL, quality smallint NOT NULL) WITH (autovacuum_enabled = off)"
        )
        connection.execute("CREATE INDEX ON public.narrow (series_id, time)")


def groups(plan: FleetPlan, scans: range) -> Iterator[Rows]:
    """The fleet's samples of these scans, in groups as large as those of ingest and sorted the same way."""
    per_group = max(1, GROUP_ROWS // (plan.gateways * plan.tags))
    for first in range(scans.start, scans.stop, per_group):
        yield _group(plan, np.arange(first, min(first + per_group, scans.stop)))


def _group(plan: FleetPlan, scans: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Rows:
    data = MachineData(plan)
    rows = empty_rows(plan.gateways * plan.tags * len(scans))
    by_gateway = rows.reshape(plan.gateways, plan.tags, len(scans))
    for gateway, part in enumerate(by_gateway):
        part["value"] = data.values(gateway, scans).T
        part["time_us"] = postgres_us(plan.times_ns(gateway, scans))
        part["quality"] = data.codes(gateway, scans)
        part["series"] = _STRANGE_SERIES + gateway * plan.tags + np.arange(plan.tags)[:, None]
    rows["value"][rows["quality"] != GOOD] = 0
    rows["arrived"] = time.time() // 60
    return rows


def copy_rate(site: Site, table: str, plan: FleetPlan, scans: range, seconds: float = np.inf) -> float:
    """Rows/s of a bare binary COPY, one transaction a group; only while it copies does the clock run."""
    rows, took_s = 0, 0.0
    with site.owner() as connection:
        for group in groups(plan, scans):
            stream = b"".join(encode_rows(group))
            started = time.perf_counter()
            with connection.cursor().copy(queries.copy_samples.replace("telemetry.sample", table)) as copy:
                copy.write(stream)
            took_s += time.perf_counter() - started
            rows += len(group)
            if took_s >= seconds:
                break
    return rows / took_s


def executemany_rate(site: Site) -> float:
    """Rows/s of executemany with 1,000 rows and a commit each."""
    rows, started = 0, time.perf_counter()
    with site.owner() as connection:
        while time.perf_counter() - started < _EXECUTEMANY_S:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO public.narrow VALUES (to_timestamp(%s), %s, %s, 0, 0)",
                    [(1.7e9 + (rows + n) // 2000, float(n), n % 2000) for n in range(_EXECUTEMANY_ROWS)],
                )
            rows += _EXECUTEMANY_ROWS
    return rows / (time.perf_counter() - started)


def json_insert_rate(site: Site) -> float:
    """The ingestor of many a project: one JSON message of one value, one INSERT, one commit."""
    rows, started = 0, time.perf_counter()
    with site.owner() as connection:
        while time.perf_counter() - started < _JSON_S:
            message = json.loads(
                json.dumps({"time": 1.8e9 + rows // 2000, "series": rows % 2000, "value": float(rows)})
            )
            connection.execute(
                "INSERT INTO public.narrow VALUES (to_timestamp(%(time)s), %(value)s, %(series)s, 0, 0)", message
            )
            rows += 1
    return rows / (time.perf_counter() - started)
