"""Seen from outside: `/metrics` (Prometheus text) and `/healthz` on a small HTTP port of the process.

`/healthz` answers 200 while no check has trouble; otherwise 503 with the failing names, what is the matter with each
and what to do about it. A process may serve more pages beside them, each one JSON document.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

_REQUEST_BYTES_MOST = 8192
_REQUEST_TIMEOUT_S = 5.0


class Trouble(NamedTuple):
    """Why a check fails, and what a person can do about it."""

    cause: str
    way_out: str


Check = Callable[[], Trouble | None]
Page = Callable[[], Any]


def check(is_well: Callable[[], bool], cause: str, way_out: str) -> Check:
    """A check with one kind of trouble."""
    return lambda: None if is_well() else Trouble(cause, way_out)


@contextlib.asynccontextmanager
async def serve_health(
    port: int, checks: Mapping[str, Check], pages: Mapping[str, Page] | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port (useful with port 0).

    `pages` maps a path to what it shows. They are built in a thread, as /metrics is: whoever looks must not make the
    work wait.
    """
    shown = {path: partial(_json, page) for path, page in (pages or {}).items()} | {"/metrics": _metrics}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode("latin-1") if head.count(b" ") >= 2 else ""
                if path == "/healthz":
                    writer.write(_health(checks))
                elif path in shown:
                    writer.write(await asyncio.to_thread(shown[path]))
                else:
                    served = ", ".join(["/healthz", *sorted(shown)])
                    writer.write(_http(404, "text/plain", f"only these are served here: {served}\n".encode()))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, port, limit=_REQUEST_BYTES_MOST)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _health(checks: Mapping[str, Check]) -> bytes:
    troubles = {name: trouble for name, check in checks.items() if (trouble := check())}
    body = {
        "status": "failing" if troubles else "ok",
        "failing": list(troubles),
        "troubles": [{"check": name, **trouble._asdict()} for name, trouble in troubles.items()],
    }
    return _http(503 if troubles else 200, "application/json", json.dumps(body).encode())


def _metrics() -> bytes:
    return _http(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))


def _json(page: Page) -> bytes:
    return _http(200, "application/json", json.dumps(page()).encode())


def _http(status: int, content_type: str, body: bytes) -> bytes:
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
