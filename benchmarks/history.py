"""How quickly a screen gets its curve while ingest runs: ten minutes, an hour and a year of one tag, of many samples.

    prefill (packs, as the packer writes them) ──► database ◄── ingest ◄── broker ◄── fleet in real time
                                                      │  └────── packer
                                     history() ◄──────┴──► the same question to the usual narrow table with a b-tree

Ten tags have a year of samples, all have the last hour; what is stored is compared with the truth before any figure
is told. The peer holds a tag's year and the last hour of a quarter of the machines: a smaller table, to its advantage.
"""

import argparse
import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg

from benchmarks.figures import figure
from benchmarks.history_prefill import Names, Prefill, fill, fill_peer, verify
from benchmarks.ingest_site import Site, open_site
from database.pool import Pool, open_pool, tenant_transaction
from database.settings import DatabaseSettings
from ingest_service.history import history
from simulators.fleet.play import Drive

BENCH = "history"
ROUNDS = 200
PEER_EVERY = 8
SETTLE_S = 75.0  # so that hot rows, packs of today and those of before all have their part in the answers
ASKED = {"ten_minutes": timedelta(minutes=10), "hour": timedelta(hours=1), "year": timedelta(days=365)}
POINTS = 400

_PEER = (
    "SELECT date_bin(%s, time, '2000-01-01 00:00Z') AS at, avg(value), min(value), max(value) FROM public.narrow"
    " WHERE series_id = %s AND time >= %s AND time < %s GROUP BY 1 ORDER BY 1"
)
_STEPS = {"ten_minutes": timedelta(seconds=2), "hour": timedelta(seconds=10), "year": timedelta(days=1)}

Ask = Callable[[str], Awaitable[None]]
Durations = dict[str, list[float]]


def main() -> None:
    arguments = argparse.ArgumentParser(prog="benchmarks.history")
    arguments.add_argument("--samples", type=float, default=100e6, help="how many samples are there before it begins")
    prefill = Prefill.of(int(arguments.parse_args().samples))
    with open_site() as site:
        site.register(prefill.live)
        with site.ingesting():
            site.play(prefill.live.lasting(3, 1), Drive(seconds=3))  # registers the tags
        names = Names(site)
        fill(site, prefill, names)
        fill_peer(site, prefill, names)
        verify(site, prefill, names)
        ours, peer = asking_while_ingest_runs(site, prefill, names)
        tell(site, ours, peer, prefill.samples)


def asking_while_ingest_runs(site: Site, prefill: Prefill, names: Names) -> tuple[Durations, Durations]:
    asked: list[tuple[Durations, Durations]] = []

    def ask() -> None:
        time.sleep(SETTLE_S)
        asked.append(asyncio.run(measure(site, prefill, names)))
        done.set()

    done = threading.Event()
    with site.ingesting(), site.packing():
        asking = threading.Thread(target=ask)
        asking.start()
        while not done.is_set() and asking.is_alive():
            site.play(prefill.live.lasting(20, 1), Drive(seconds=20))
        asking.join()
    return asked[0]


async def measure(site: Site, prefill: Prefill, names: Names) -> tuple[Durations, Durations]:
    """Seconds of every question, ours and the peer's in turn."""
    settings = DatabaseSettings.model_validate({"dsn": site.dsn("lw_app"), "pool_size": 1})
    tenant = UUID(str(site.ask("SELECT tenant_id FROM registry.tenant")))
    chosen = random.Random(1)
    held, peers = (
        {"ten_minutes": names.of(recent), "hour": names.of(recent), "year": names.of(year)}
        for year, recent in ((prefill.year, prefill.recent), prefill.peer)
    )
    ours: Durations = {name: [] for name in ASKED}
    peer: Durations = {name: [] for name in ASKED}
    async with open_pool(settings) as pool, await psycopg.AsyncConnection.connect(site.dsn("owner")) as narrow:
        for turn in range(ROUNDS):
            for name in ASKED:
                ours[name].append(await _timed(ask_ours(pool, tenant, chosen.choice(held[name]), name)))
                if turn % PEER_EVERY == 0:
                    series = chosen.choice(peers[name])
                    peer[name].append(await _timed(ask_peer(narrow, series, name, prefill.ends)))
    return ours, peer


async def ask_ours(pool: Pool, tenant: UUID, series: int, name: str) -> None:
    """As the API does: a connection, a transaction of the tenant, points."""
    now = datetime.now(UTC)
    async with tenant_transaction(pool, tenant) as connection:
        told = await history(connection, [series], now - ASKED[name], now, POINTS)
    if not len(told.series[series].mean):
        raise AssertionError(f"no values for {name}")


async def ask_peer(
    connection: psycopg.AsyncConnection[tuple[object, ...]], series: int, name: str, end: datetime
) -> None:
    """The peer's table ends where the prefill does."""
    asked = [_STEPS[name], series, end - ASKED[name], end]
    if not await (await connection.execute(_PEER, asked)).fetchall():
        raise AssertionError(f"the peer has no values for {name}")


async def _timed(question: Awaitable[None]) -> float:
    started = time.perf_counter()
    await question
    return time.perf_counter() - started


def tell(site: Site, ours: Durations, peer: Durations, prefilled: int) -> None:
    told = "the same in SQL over a narrow table with a b-tree on (series, time), {} rows, without ingest into it"
    rows = int(site.ask("SELECT count(*) FROM public.narrow"))
    for name in ASKED:
        value, peers = p95_ms(ours[name]), p95_ms(peer[name])
        figure(BENCH, f"{name}_p95_ms", value, "ms", peer=told.format(f"{rows:,}"), ratio=value / peers)
    packed = int(site.ask("SELECT sum(n + bad) FROM telemetry.pack"))
    each, peers_each = _bytes(site, "telemetry.pack") / packed, _bytes(site, "public.narrow") / rows
    figure(BENCH, "bytes_per_sample", each, "B", peer="bytes a row of that table", ratio=each / peers_each)
    figure(BENCH, "samples", packed, "samples")
    if packed < prefilled:
        raise AssertionError(f"{prefilled} samples were packed before, {packed} are in packs now")


def _bytes(site: Site, table: str) -> int:
    return int(site.ask("SELECT pg_total_relation_size(%s::regclass)", table))


def p95_ms(seconds: Sequence[float]) -> float:
    return float(np.percentile(seconds, 95)) * 1000


if __name__ == "__main__":
    main()
