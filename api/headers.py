"""What every answer carries: security headers; and what every answer adds to: counts and durations for /metrics.

Nothing may be loaded from another host; WebAssembly is allowed for the scanner, no script from text ever is.
"""

import time

from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}
_YEAR_S = 31_536_000

REQUESTS = Counter("lw_api_requests_total", "Answers sent.", ["operation", "status"])
SECONDS = Histogram("lw_api_request_seconds", "Until the first byte of the answer.", ["operation"])


class Envelope:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = _ALWAYS | ({"Strict-Transport-Security": f"max-age={_YEAR_S}"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
                operation = getattr(scope.get("route"), "name", "none")
                REQUESTS.labels(operation, message["status"]).inc()
                SECONDS.labels(operation).observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, send_sealed)
