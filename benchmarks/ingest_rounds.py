"""Short rounds: ours and a bare COPY in turn, so that a machine that slows down slows all of them; medians are told.

round: fleet ──MQTT──► ingest ──► telemetry.sample | COPY into the same table | COPY into one with a b-tree
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.figures import figure
from benchmarks.ingest_peers import copy_rate, executemany_rate, json_insert_rate
from benchmarks.ingest_site import Site
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive

ROUNDS = 5
_BATCHES = 1000  # of each gateway in a round: 2,000,000 samples
_WARM_BATCHES = 500
_FLAT_OUT = Drive(speed=math.inf, connections=1)
_PLAN = FleetPlan(
    tenant="rounds", gateways=4, tags=500, scans_in_batch=1, scan_ms=100, exact=True, fail_every=0,
    batches=_WARM_BATCHES + ROUNDS * _BATCHES,
)  # fmt: skip


class Measured(NamedTuple):
    """Rows a second of one round, each way; WAL bytes a row of ours."""

    ours: float
    raw: float
    indexed: float
    wal_bytes: float


def rounds(site: Site, bench: str) -> None:
    plan = _PLAN.starting(math.inf)
    site.register(plan)
    with site.ingesting():
        # Files, caches, statements, catalogs.
        made = site.play(plan.model_copy(update={"batches": _WARM_BATCHES}), _FLAT_OUT).made
        measured = []
        for _ in range(ROUNDS):
            measured.append(_round(site, plan, made))
            made = made + _BATCHES
    site.check(plan, made)
    _tell(bench, measured)
    ours = statistics.median(one.ours for one in measured)
    _tell_usual(bench, ours, executemany_rate(site), json_insert_rate(site))
    with site.owner() as connection:
        connection.execute("TRUNCATE telemetry.sample, telemetry.pack, telemetry.touched, public.narrow")


def _round(site: Site, plan: FleetPlan, made: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Measured:
    first, end = int(made[0]), int(made[0]) + _BATCHES
    site.checkpoint()
    before = site.wal_bytes()
    played = site.play(plan.model_copy(update={"batches": end}), _FLAT_OUT, made)
    wal_bytes = site.wal_bytes() - before
    site.checkpoint()
    raw = copy_rate(site, "telemetry.sample", plan, range(first, end))
    site.checkpoint()
    with site.owner() as connection:
        connection.execute("TRUNCATE public.narrow")
    indexed = copy_rate(site, "public.narrow", plan, range(first, end))
    return Measured(played.samples / played.took_s, raw, indexed, wal_bytes / played.samples)


def _tell(bench: str, measured: Sequence[Measured]) -> None:
    to_raw = statistics.median(one.ours / one.raw for one in measured)
    to_indexed = statistics.median(one.ours / one.indexed for one in measured)
    raw_peer = "binary COPY of the same sorted rows into the same table by one bare client"
    figure(
        bench, "rows_per_s", statistics.median(one.ours for one in measured), "samples/s", peer=raw_peer, ratio=to_raw
    )
    figure(bench, "ratio_to_raw_copy", to_raw, "1", peer=raw_peer, ratio=to_raw)
    indexed_peer = "the same COPY into an empty table with a b-tree on (series, time)"
    figure(bench, "ratio_to_indexed_copy_short", to_indexed, "1", peer=indexed_peer, ratio=to_indexed)


def _tell_usual(bench: str, ours: float, executemany: float, json_insert: float) -> None:
    to_many, to_json = ours / executemany, ours / json_insert
    figure(bench, "ratio_to_executemany", to_many, "1", peer="executemany, 1,000 rows a commit", ratio=to_many)
    figure(bench, "ratio_to_json_insert", to_json, "1", peer="one JSON message, one INSERT, one commit", ratio=to_json)
