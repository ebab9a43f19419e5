"""Minutes of realistic machine data with packing beside it, and the usual table in turn.

    COPY into a growing table with a b-tree │ ours for a third of the time │ COPY │ ours │ COPY │ ours │ COPY
                                              fleet ─► ingest ─► hot rows ─► packer ─► packs and rollups

While the COPY runs the packer is stopped, and its clock is not: what it has to catch up, it does while ours is
measured. At the end everything is packed, compared sample by sample with the truth, and weighed.
"""

import math
import statistics
import time
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import figure
from benchmarks.ingest_peers import copy_rate
from benchmarks.ingest_site import Site, paused
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive, Played

_PARTS = 3
_COPY_S = 8.0
_COPY_SCANS = 20_000
_PACKED_WITHIN_S = 600
_PLAN = FleetPlan(tenant="sustained", gateways=4, tags=500, scans_in_batch=1, scan_ms=100)
_PEER = "binary COPY of the same sorted rows by one bare client into a growing table with a b-tree on (series, time)"


class Sustained(NamedTuple):
    """What was measured; `lags_s`: how old the oldest hot rows were at the end of each part."""

    plan: FleetPlan
    made: NDArray[np.int64]
    took_s: float
    copy_rates: list[float]
    lags_s: list[float]
    catch_up_s: float
    wal_bytes: int

    @property
    def samples(self) -> int:
        return int(self.made.sum()) * self.plan.samples_in_batch


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
    took_s, copy_rates, lags_s = 0.0, [_copy(site, plan, packer)], []
    wal_bytes, copied_bytes = site.wal_bytes(), 0
    for _ in range(_PARTS):
        played = site.play(plan, Drive(speed=math.inf, seconds=seconds / _PARTS, connections=4), played.made)
        took_s += played.took_s
        lags_s.append(_lag_s(site))
        before = site.wal_bytes()
        copy_rates.append(_copy(site, plan, packer))
        copied_bytes += site.wal_bytes() - before
    ended = time.monotonic()
    _until_packed(site)
    return Sustained(
        plan, played.made, took_s, copy_rates, lags_s, time.monotonic() - ended,
        site.wal_bytes() - wal_bytes - copied_bytes,
    )  # fmt: skip


def _copy(site: Site, plan: FleetPlan, packer: BaseProcess) -> float:
    with paused(packer):
        rows = int(site.ask("SELECT count(*) FROM public.narrow"))
        first = rows // (plan.gateways * plan.tags)
        return copy_rate(site, "public.narrow", plan, range(first, first + _COPY_SCANS), _COPY_S)


def _lag_s(site: Site) -> float:
    """How long ago the oldest row that is not packed yet arrived, by the minute."""
    return float(site.ask("SELECT extract(epoch FROM now()) - 60 * packed_until FROM telemetry.packing"))


def _until_packed(site: Site) -> None:
    deadline = time.monotonic() + _PACKED_WITHIN_S
    while site.ask("SELECT EXISTS (SELECT FROM telemetry.sample, telemetry.packing WHERE arrived >= packed_until)"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"hot rows are left after {_PACKED_WITHIN_S} s")
        time.sleep(1)


def _tell(bench: str, measured: Sustained) -> None:
    rate, copy_rate_ = measured.samples / measured.took_s, statistics.median(measured.copy_rates)
    figure(bench, "sustained_rows_per_s", rate, "samples/s", peer=_PEER, ratio=rate / copy_rate_)
    figure(bench, "sustained_seconds", measured.took_s, "s")
    figure(bench, "ratio_to_indexed_copy", rate / copy_rate_, "1", peer=_PEER, ratio=rate / copy_rate_)
    figure(bench, "pack_lag_s", max(measured.lags_s), "s")
    figure(bench, "pack_catch_up_s", measured.catch_up_s, "s")
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
