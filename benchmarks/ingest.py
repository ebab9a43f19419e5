"""Ingest beside the bare database: how much of a raw COPY is left after broker, decoding, ledger and receipts.

    fleet process ──MQTT──► broker ──► ingest process ──► embedded PostgreSQL
    this process: the same rows, sorted, straight into the same table by a bare COPY; and two usual ways to compare

Rounds alternate and medians are told; every server setting is the same for all. What arrived is compared with the
truth before any figure is told.
"""

import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import psycopg

from benchmarks.figures import figure
from benchmarks.ingest_fleet import GATEWAYS, SCAN_NS, TAGS, TENANT, Round, payload, send_round, values
from database.embedded import EmbeddedPostgres, start_database
from database.queries import load_queries
from ingest_service import worker
from ingest_service.copy_format import Rows, empty_rows, encode_rows, postgres_us
from ingest_service.settings import IngestSettings
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.wire.decode import decode
from runtime.process import run

BENCH = "ingest"
ROUNDS = 7
BATCHES = 1000  # of each gateway in a round: 2,000,000 samples
GROUP_ROWS = 100_000
JSON_MESSAGES = 3000

queries = load_queries(worker.__file__)
_spawn = multiprocessing.get_context("spawn")


class Measured(NamedTuple):
    """Seconds of one round, each way; WAL bytes of ours."""

    ours_s: float
    raw_s: float
    indexed_s: float
    wal_bytes: int


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with start_database(folder / "postgres") as server:
            prepare_database(server)
            asyncio.run(measure(server, folder))


async def measure(server: EmbeddedPostgres, folder: Path) -> None:
    async with Broker(folder / "broker") as broker:
        database = {"dsn": server.dsn("lw_ingest")}
        settings = IngestSettings.model_validate({"broker": broker.settings, "database": database})
        ingest = _spawn.Process(target=run_worker, args=(_dumped(settings),), daemon=True)
        ingest.start()
        try:
            start_ns = time.time_ns() - 3600 * 10**9
            span_ns = (BATCHES + 1) * SCAN_NS
            rounds = [Round(start_ns - index * span_ns, BATCHES) for index in range(ROUNDS + 1)]
            play(server, broker.settings, Round(rounds[-1].start_ns, 500))  # warm: files, caches, statements
            measured = [play(server, broker.settings, one) for one in rounds[:-1]]
        finally:
            ingest.terminate()
            ingest.join(10)
    tell(measured, json_rows_per_s(server), decode_samples_per_s())


def run_worker(dumped: str) -> None:
    """The ingest process, as the command runs it."""
    run(worker.run_ingest(IngestSettings.model_validate_json(dumped)))


def _dumped(settings: IngestSettings) -> str:
    data = settings.model_dump(mode="json")
    data["database"]["dsn"] = settings.database.dsn.get_secret_value()
    return json.dumps(data)


def prepare_database(server: EmbeddedPostgres) -> None:
    """A tenant with four gateways, and the table that usual schemas have."""
    with psycopg.connect(server.dsn("owner")) as connection:
        connection.execute("INSERT INTO registry.tenant (slug, name) VALUES (%s, %s)", [TENANT, TENANT])
        connection.execute(
            "INSERT INTO registry.gateway (tenant_id, slug, name)"
            " SELECT tenant_id, slug_of_it, slug_of_it FROM registry.tenant, unnest(%s::text[]) AS slug_of_it",
            [list(GATEWAYS)],
        )
        connection.execute(
            "CREATE TABLE public.narrow (time timestamptz NOT NULL, value float8, series_id int NOT NULL,"
            " arrived int NOT NULL, quality smallint NOT NULL)"
        )
        connection.execute("CREATE INDEX ON public.narrow (series_id, time)")
        connection.execute("GRANT SELECT, INSERT, TRUNCATE ON public.narrow TO lw_ingest")


def play(server: EmbeddedPostgres, broker: BrokerSettings, played: Round) -> Measured:
    """One round, every way."""
    checkpoint(server)
    before = wal_position(server)
    ours_s = through_the_broker(server, broker, played)
    wal_bytes = wal_position(server) - before
    series = series_ids(server)
    verify(server, played, series)
    groups = sorted_groups(played, series)
    checkpoint(server)
    raw_s = copy_groups(server, queries.copy_samples, groups)
    checkpoint(server)
    with psycopg.connect(server.dsn("owner")) as connection:
        connection.execute("TRUNCATE public.narrow")
    indexed_s = copy_groups(server, queries.copy_samples.replace("telemetry.sample", "public.narrow"), groups)
    return Measured(ours_s, raw_s, indexed_s, wal_bytes)


def through_the_broker(server: EmbeddedPostgres, broker: BrokerSettings, played: Round) -> float:
    ours, theirs = _spawn.Pipe()
    fleet = _spawn.Process(target=send_round, args=(broker, played, theirs), daemon=True)
    fleet.start()
    heard(ours)
    wait_for_catalogs(server)
    ours.send("go")
    took_s = heard(ours)
    fleet.join(10)
    return float(took_s)


def wait_for_catalogs(server: EmbeddedPostgres) -> None:
    """The fleet has published them; when they are stored, the ingest process is at work."""
    deadline = time.monotonic() + 60
    with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
        while connection.execute("SELECT FROM telemetry.catalog").rowcount < len(GATEWAYS) * TAGS:
            if time.monotonic() > deadline:
                raise TimeoutError("the ingest process does not take in the catalogs")
            time.sleep(0.05)


def heard(line: "Connection[Any, Any]") -> Any:
    if not line.poll(60):
        raise TimeoutError("the sending process says nothing")
    return line.recv()


def checkpoint(server: EmbeddedPostgres) -> None:
    """Nobody pays for the pages that another one has dirtied."""
    with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def wal_position(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn("owner")) as connection:
        return int(connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()[0])  # type: ignore[index]


def series_ids(server: EmbeddedPostgres) -> list[list[int]]:
    """Series of each gateway in the order of its aliases."""
    with psycopg.connect(server.dsn("owner")) as connection:
        found = connection.execute(
            "SELECT gateway.slug, array_agg(series_id ORDER BY alias) FROM telemetry.catalog"
            " JOIN registry.gateway ON gateway.id = gateway_id GROUP BY 1 ORDER BY 1"
        )
        return [ids for _, ids in found.fetchall()]


def verify(server: EmbeddedPostgres, played: Round, series: Sequence[Sequence[int]]) -> None:
    """Every sample once and with its value: by series, the count of distinct times and the sum of the values."""
    seqs = np.arange(1, played.batches + 1)
    sums = {g: np.sum([values(g, int(seq)) for seq in seqs], axis=0) for g in range(len(series))}
    truth = {
        series_id: (played.batches, played.batches, float(sums[gateway][alias]))
        for gateway, ids in enumerate(series)
        for alias, series_id in enumerate(ids)
    }
    first, last = (int(played.times_ns(int(seq))[0]) / 1e9 for seq in (seqs[0], seqs[-1]))
    with psycopg.connect(server.dsn("owner")) as connection:
        stored = connection.execute(
            "SELECT series_id, count(*), count(DISTINCT time), sum(value) FROM telemetry.sample"
            " WHERE time BETWEEN to_timestamp(%s) AND to_timestamp(%s) GROUP BY 1",
            [first - 0.001, last + 0.001],
        ).fetchall()
    if {series_id: rest for series_id, *rest in stored} != {key: list(value) for key, value in truth.items()}:
        raise AssertionError("what is stored is not what was sent")


def sorted_groups(played: Round, series: Sequence[Sequence[int]]) -> list[Rows]:
    """The same rows in groups of the same size, sorted as ours are."""
    per_group = GROUP_ROWS // (TAGS * len(series))
    return [
        _group(played, series, range(first, min(first + per_group, played.batches + 1)))
        for first in range(1, played.batches + 1, per_group)
    ]


def _group(played: Round, series: Sequence[Sequence[int]], seqs: range) -> Rows:
    rows = empty_rows(len(seqs) * TAGS * len(series))
    ids = np.concatenate([np.tile(ids, len(seqs)) for ids in series])
    times = np.tile(np.concatenate([postgres_us(played.times_ns(seq)) for seq in seqs]), len(series))
    order = np.lexsort((times, ids))
    rows["time_us"], rows["series"] = times[order], ids[order]
    rows["value"] = np.concatenate([values(g, seq) for g in range(len(series)) for seq in seqs])[order]
    rows["arrived"] = time.time() // 60
    return rows


def copy_groups(server: EmbeddedPostgres, statement: str, groups: Sequence[Rows]) -> float:
    """Bare COPY, one transaction a group; the bytes are built before the clock starts."""
    streams = [b"".join(encode_rows(rows)) for rows in groups]
    with psycopg.connect(server.dsn("lw_ingest")) as connection:
        started = time.perf_counter()
        for stream in streams:
            with connection.cursor().copy(statement) as copy:
                copy.write(stream)
            connection.commit()
        return time.perf_counter() - started


def json_rows_per_s(server: EmbeddedPostgres) -> float:
    """The ingestor of many a project: one JSON message of one value, one INSERT, one commit."""
    messages = [
        json.dumps({"time": f"2026-11-01T08:{n // 60 % 60:02}:{n % 60:02}Z", "series": n % 2000 + 1, "value": float(n)})
        for n in range(JSON_MESSAGES)
    ]
    with psycopg.connect(server.dsn("lw_ingest"), autocommit=True) as connection:
        started = time.perf_counter()
        for text in messages:
            message = json.loads(text)
            connection.execute("INSERT INTO public.narrow VALUES (%(time)s, %(value)s, %(series)s, 0, 0)", message)
        return JSON_MESSAGES / (time.perf_counter() - started)


def decode_samples_per_s() -> float:
    data = payload(Round(time.time_ns(), 1), 0, uuid4(), 1)
    topic = f"lw/1/{TENANT}/{GATEWAYS[0]}/up/data"
    return TAGS / median_s(lambda: decode(topic, data), 5000)


def median_s(work: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def tell(measured: Sequence[Measured], json_rate: float, decode_rate: float) -> None:
    rows = Round(0, BATCHES).rows
    ours = rows / statistics.median(one.ours_s for one in measured)
    to_raw = statistics.median(one.raw_s / one.ours_s for one in measured)
    to_indexed = statistics.median(one.indexed_s / one.ours_s for one in measured)
    raw_peer = "binary COPY of the same sorted rows into the same table by one bare client"
    figure(BENCH, "rows_per_s", ours, "samples/s", peer=raw_peer, ratio=to_raw)
    figure(BENCH, "ratio_to_raw_copy", to_raw, "1", peer=raw_peer, ratio=to_raw)
    indexed_peer = "the same COPY into a table with a b-tree on (series, time)"
    figure(BENCH, "ratio_to_indexed_copy", to_indexed, "1", peer=indexed_peer, ratio=to_indexed)
    json_peer = "one JSON message, one INSERT, one commit"
    figure(BENCH, "ratio_to_json_insert", ours / json_rate, "1", peer=json_peer, ratio=ours / json_rate)
    figure(BENCH, "wal_bytes_per_sample", statistics.median(one.wal_bytes for one in measured) / rows, "B")
    figure(BENCH, "decode_samples_per_s", decode_rate, "samples/s")


if __name__ == "__main__":
    main()
