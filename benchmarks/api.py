"""The HTTP API at the size of a large plant: 100,000 orders, 1,000 machines, and a neighbour on the same tables.

    this process: one keep-alive connection ──► API process (uvicorn) ──► embedded PostgreSQL, role lw_app
                  the same page as bare SQL ─────────────────────────────────►

Requests of all kinds alternate, so that what disturbs one disturbs all.
"""

import asyncio
import hashlib
import http.client
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from api.server import run_api
from api.settings import ApiSettings
from benchmarks.figures import figure
from database.embedded import EmbeddedPostgres, start_database
from database.queries import load_queries
from maintenance import store
from maintenance.records import OPEN_STATES

BENCH = "api"
MACHINES, ORDERS = 1_000, 100_000
NEIGHBOUR_MACHINES, NEIGHBOUR_ORDERS = 200, 20_000
REQUESTS = 400
OURS, THEIRS = "ours-token", "theirs-token"

_spawn = multiprocessing.get_context("spawn")


class Line:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str, token: str = OURS, status: int = 200) -> Any:
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return json.loads(body)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with start_database(folder / "postgres") as server:
            seed(server)
            with socket.create_server(("127.0.0.1", 0)) as line:
                port = line.getsockname()[1]
            process = _spawn.Process(target=serve, args=(server.dsn("lw_app"), port), daemon=True)
            process.start()
            try:
                measure(server, wait_for(port))
            finally:
                process.terminate()
                process.join(10)


def seed(server: EmbeddedPostgres) -> None:
    statements = Path(__file__).with_name("api_seed.sql").read_text(encoding="utf-8").split(";\n")
    plants = [("ours", OURS, MACHINES, ORDERS), ("theirs", THEIRS, NEIGHBOUR_MACHINES, NEIGHBOUR_ORDERS)]
    with psycopg.connect(server.dsn("owner")) as connection:
        for slug, token, machines, orders in plants:
            values = {"slug": slug, "tenant": uuid4(), "machines": machines, "orders": orders}
            values["token_sha256"] = hashlib.sha256(token.encode()).digest()
            for statement in filter(str.strip, statements):
                connection.execute(statement, values)
    with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def serve(dsn: str, port: int) -> None:
    settings = ApiSettings.model_validate({"database": {"dsn": dsn}, "broker": {"port": 1}, "port": port})
    asyncio.run(run_api(settings))


def wait_for(port: int) -> Line:
    end = time.monotonic() + 60
    while True:
        try:
            line = Line(port)
            line.get("/healthz")
            return line
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def measure(server: EmbeddedPostgres, line: Line) -> None:
    machines = [machine["id"] for machine in line.get("/api/v1/machines?limit=200")["items"]]
    foreign = [order["id"] for order in line.get("/api/v1/orders?limit=200", THEIRS)["items"]]
    lists, pages = cycle(order_lists(line, machines)), cycle(f"/api/v1/machines/{key}" for key in machines)
    hidden = cycle(f"/api/v1/orders/{key}" for key in foreign)
    with psycopg.connect(server.dsn("lw_app")) as connection:
        ways: dict[str, Callable[[], Any]] = {
            "orders": lambda: line.get(next(lists)),
            "machine": lambda: line.get(next(pages)),
            "permission": lambda: line.get(next(hidden), status=404),
            "bare": bare_page(connection),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(REQUESTS):
            for name, ask in ways.items():
                started = time.perf_counter()
                ask()
                seconds[name].append(time.perf_counter() - started)
    bare = p95_ms(seconds["bare"])
    for name in ("orders", "machine", "permission"):
        value = p95_ms(seconds[name])
        is_list = name == "orders"
        figure(BENCH, f"{name}_p95_ms", value, "ms", peer="bare SQL page" if is_list else None,
               ratio=value / bare if is_list else None)  # fmt: skip


def order_lists(line: Line, machines: list[str]) -> Iterator[str]:
    """Every kind of list that the app asks for: filters, and pages far down."""
    cursor = None
    for filters in ("open", "done", "closed", "all", "open&mine=true", "all&mine=true"):
        yield f"/api/v1/orders?state={filters}"
    for machine in islice(machines, 3):
        yield f"/api/v1/orders?state=all&machine_id={machine}"
        yield f"/api/v1/orders?state=open&machine_id={machine}"
    for _ in range(12):
        page = line.get("/api/v1/orders?state=all&limit=200" + (f"&cursor={cursor}" if cursor else ""))
        cursor = page["next_cursor"]
    yield f"/api/v1/orders?state=all&cursor={cursor}"


def bare_page(connection: psycopg.Connection[Any]) -> Callable[[], Any]:
    """The first page of open orders as nothing but the two statements behind it."""
    queries = load_queries(store.__file__)
    states = [str(state) for state in OPEN_STATES]
    digest = hashlib.sha256(OURS.encode()).digest()
    tenant = connection.execute("SELECT tenant_id FROM registry.find_session(%s)", [digest]).fetchone()
    assert tenant
    connection.commit()

    def ask() -> Any:
        with connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant[0])])
            values = {"states": states, "after_time": "infinity", "after_id": uuid4(), "limit": 50}
            ids = connection.execute(queries.page_by_state, values).fetchall()
            return connection.execute(queries.orders_by_ids, {"ids": [row[0] for row in ids]}).fetchall()

    return ask


def p95_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18] * 1000


if __name__ == "__main__":
    main()
