"""Minutes of realistic machine data with packing beside it, and the usual table in turn.

    COPY into a growing table with a b-tree │ ours for a third of the time │ COPY │ ours │ COPY │ ours │ COPY
                                              fleet ─► ingest ─► packs, hot rows ─► packer ─► packs and rollups

While the COPY runs the packer is stopped, and its clock is not: what it has to catch up, it does while ours is
measured. Work that is left at the end is done, metered, and counted as if all processors had done it within the time:
nothing is gained by leaving it. `keeping_up` is 0 when what waits has become older than it ever has to. At the end
everything is compared sample by sample with the truth, and weighed.
"""

import math
import os
import statistics
import sys
import time
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import figure
from benchmarks.ingest_cpu import Meter
from benchmarks.ingest_peers import copy_rate
from benchmarks.ingest_site import Site, paused
from database.queries import load_queries
from ingest_service.storage import packing
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive, Played

queries = load_queries(packing.__file__)

_PARTS = 3
_COPY_S = 8.0
_COPY_SCANS = 20_000
_DONE_WITHIN_S = 600
# A slice is closed when it is a minute old, at a full minute; the packer looks for hours once a minute.
_PACK_LAG_MOST_S = 180.0
_MERGE_LAG_MOST_S = 120.0
_PLAN = FleetPlan(tenant="sustained", gateways=4, tags=500, scans_in_batch=1, scan_ms=100)
_PEER = "binary COPY of the same sorted rows by one bare client into a growing table with a b-tree on (series, time)"
_LAG = "SELECT extract(epoch FROM now()) - 60 * packed_until FROM telemetry.packing"
# How long the oldest hour that is due has been waiting to be merged.
_MERGE_LAG = """
SELECT greatest(0, max(extract(epoch FROM now() - greatest(hour + interval '1 hour', touched_at)) - 60))
FROM telemetry.unmerged
"""
# Only what is not due yet: a row that is locked when the packer looks for work is no work.
_ALL_DUE = """
UPDATE telemetry.unmerged SET touched_at = touched_at - interval '1 hour' WHERE touched_at > now() - interval '61 s'
"""
_WORK_LEFT = """
SELECT EXISTS (SELECT FROM telemetry.sample, telemetry.packing WHERE arrived >= packed_until)
    OR EXISTS (SELECT FROM telemetry.touched)
    OR EXISTS (SELECT FROM telemetry.unmerged WHERE hour + interval '1 hour 1 minute' < now())
"""


class Sustained(NamedTuple):
    """What was measured. `lags_s`, `merge_lags_s`: how old the oldest hot rows, and hours that are due, were at the end
    of each part; `cpu_s`: of each process while ours ran, `left_cpu_s`: of all of them to do what was left."""

    plan: FleetPlan
    made: NDArray[np.int64]
    took_s: float
    copy_rates: list[float]
    lags_s: list[float]
    merge_lags_s: list[float]
    cpu_s: dict[str, float]
    left_cpu_s: float
    catch_up_s: float
    wal_bytes: int

    @property
    def samples(self) -> int:
        return int(self.made.sum()) * self.plan.samples_in_batch

    @property
    def left_s(self) -> float:
        """How long all processors would have been busy with what was left."""
        return self.left_cpu_s / len(os.sched_getaffinity(0))

    @property
    def rate(self) -> float:
        """Samples a second, what was left done as well."""
        return self.samples / (self.took_s + self.left_s)

    @property
    def is_keeping_up(self) -> bool:
        return self.lags_s[-1] <= _PACK_LAG_MOST_S and self.merge_lags_s[-1] <= _MERGE_LAG_MOST_S


def sustained(site: Site, bench: str, seconds: float) -> None:
    plan = _PLAN.lasting(seconds, math.inf)
    site.register(plan)
    with site.ingesting(), site.packing() as packer:
        warm = site.play(plan, Drive(speed=math.inf, seconds=1, connections=4))
        measured = _measure(site, plan, warm, packer, seconds)
    _tell(bench, measured)
    _weigh(site, bench, measured)
    account = site.check(plan, measured.made)
    figure(bench, "sustained_samples_checked", account.stored, "samples")


def _measure(site: Site, plan: FleetPlan, played: Played, packer: BaseProcess, seconds: float) -> Sustained:
    """Ours and the COPY in turn, the COPY first and last."""
    took_s, copy_rates, lags_s, merge_lags_s = 0.0, [_copy(site, plan, packer)], [], []
    wal_bytes, copied_bytes, meter, left = site.wal_bytes(), 0, Meter(site), Meter(site)
    for _ in range(_PARTS):
        with meter.running():
            played = site.play(plan, Drive(speed=math.inf, seconds=seconds / _PARTS, connections=4), played.made)
        took_s += played.took_s
        lags_s.append(float(site.ask(_LAG)))
        merge_lags_s.append(float(site.ask(_MERGE_LAG)))
        before = site.wal_bytes()
        copy_rates.append(_copy(site, plan, packer))
        copied_bytes += site.wal_bytes() - before
    with left.running():
        catch_up_s = _until_done(site)
    return Sustained(
        plan, played.made, took_s, copy_rates, lags_s, merge_lags_s, meter.seconds, sum(left.seconds.values()),
        catch_up_s, site.wal_bytes() - wal_bytes - copied_bytes,
    )  # fmt: skip


def _copy(site: Site, plan: FleetPlan, packer: BaseProcess) -> float:
    with paused(packer):
        rows = int(site.ask("SELECT count(*) FROM public.narrow"))
        first = rows // (plan.gateways * plan.tags)
        return copy_rate(site, "public.narrow", plan, range(first, first + _COPY_SCANS), _COPY_S)


def _until_done(site: Site) -> float:
    """Everything packed and merged, without the wait for late data; how long that took."""
    started = time.monotonic()
    while site.ask(_WORK_LEFT):
        with site.owner() as connection:
            connection.execute(queries.note_touched)
            connection.execute(_ALL_DUE)
        if time.monotonic() - started > _DONE_WITHIN_S:
            raise TimeoutError(f"work is left after {_DONE_WITHIN_S} s")
        time.sleep(1)
    return time.monotonic() - started


def _tell(bench: str, measured: Sustained) -> None:
    copy_rate_ = statistics.median(measured.copy_rates)
    ratio = measured.rate / copy_rate_
    figure(bench, "sustained_rows_per_s", measured.rate, "samples/s", peer=_PEER, ratio=ratio)
    figure(bench, "sustained_seconds", measured.took_s, "s")
    figure(bench, "ratio_to_indexed_copy", ratio, "1", peer=_PEER, ratio=ratio)
    figure(bench, "committed_rows_per_s", measured.samples / measured.took_s, "samples/s")
    for name, took_s in sorted(measured.cpu_s.items()):
        figure(bench, f"cpu_s_per_million_{name.replace(' ', '_')}", 1e6 * took_s / measured.samples, "s")
    figure(bench, "cpu_s_per_million_left_over", 1e6 * measured.left_cpu_s / measured.samples, "s")
    figure(bench, "pack_lag_s", measured.lags_s[-1], "s")
    figure(bench, "merge_lag_s", measured.merge_lags_s[-1], "s")
    figure(bench, "pack_catch_up_s", measured.catch_up_s, "s")
    figure(bench, "keeping_up", float(measured.is_keeping_up), "1")
    if not measured.is_keeping_up:
        print(f"NOT KEEPING UP: lags in s {measured.lags_s}, of merging {measured.merge_lags_s}", file=sys.stderr)
    figure(bench, "wal_bytes_per_sample", measured.wal_bytes / measured.samples, "B")


def _weigh(site: Site, bench: str, measured: Sustained) -> None:
    """Everything that a stored sample costs on disk: packs, their index, ledger and batches."""
    with site.owner() as connection:
        connection.execute("VACUUM telemetry.pack")
    bytes_ = site.ask("SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", _STORED)
    peer = site.ask("SELECT pg_total_relation_size('public.narrow')::float8 / count(*) FROM public.narrow")
    figure(
        bench, "bytes_per_sample", int(bytes_) / measured.samples, "B",
        peer="the narrow table with its b-tree", ratio=int(bytes_) / measured.samples / float(peer),
    )  # fmt: skip


_STORED = ["telemetry.pack", "telemetry.batch", "telemetry.ledger"]
