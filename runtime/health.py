"""Seen from outside: `/metrics` (Prometheus text) and `/healthz` on a small HTTP port of the process.

`/healthz` answers 200 while every named check is true, 503 with the failing names otherwise.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

_REQUEST_BYTES_MOST = 8192
_REQUEST_TIMEOUT_S = 5.0

Check = Callable[[], bool]


@contextlib.asynccontextmanager
async def serve_health(port: int, checks: Mapping[str, Check], host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve while the context is open; yields the port (useful with port 0)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode("latin-1") if head.count(b" ") >= 2 else ""
                writer.write(_response(path, checks))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, port, limit=_REQUEST_BYTES_MOST)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _response(path: str, checks: Mapping[str, Check]) -> bytes:
    if path == "/metrics":
        return _http(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
    if path == "/healthz":
        failing = [name for name, check in checks.items() if not check()]
        body = json.dumps({"status": "failing" if failing else "ok", "failing": failing}).encode()
        return _http(503 if failing else 200, "application/json", body)
    return _http(404, "text/plain", b"only /metrics and /healthz are served here\n")


def _http(status: int, content_type: str, body: bytes) -> bytes:
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
