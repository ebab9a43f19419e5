"""The API as a process: settings → listening socket → uvicorn, until cancelled.

    bind ──► open the app (database, live stream) ──► serve ──► READY=1
    cancelled ──► streams end ──► running requests finish, 2 s at most ──► app closes
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from api import PortInUse, TlsUnusable
from api.app import create_app
from api.settings import ApiSettings
from api.stream.hub import Hub
from runtime.health import serve_health
from runtime.process import tell_systemd

log = structlog.get_logger()

_STOP_WITHIN_S = 2
_BACKLOG = 512


class _Server(uvicorn.Server):
    """Leaves signals to the process it is part of (there, stop means cancellation) and tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_api(settings: ApiSettings) -> None:
    """Serve until cancelled.

    Raises:
        PortInUse: another program listens there.
        TlsUnusable: the certificate or its key cannot be used.
        PrivilegedRole: the database role could see more than one tenant.
    """
    app = create_app(settings)
    config = _config(app, settings)
    with _bind(settings) as listener:
        async with app.router.lifespan_context(app), _health(settings):
            await _serve(config, settings, listener, app.state.api.hub)


@contextlib.contextmanager
def _bind(settings: ApiSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms for an ACK.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
                raise
            raise PortInUse(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
                "set `host` and `port` of the API (LINEWRIGHT_HOST, LINEWRIGHT_PORT), or stop the other program"
            ) from error
        yield listener


@contextlib.asynccontextmanager
async def _health(settings: ApiSettings) -> AsyncIterator[None]:
    if not settings.health_port:
        yield
        return
    async with serve_health(settings.health_port, {}):
        yield


async def _serve(config: uvicorn.Config, settings: ApiSettings, listener: socket.socket, hub: Hub) -> None:
    def ready() -> None:
        host, port = listener.getsockname()[:2]
        log.info("ready", host=host, port=port, url=settings.base_url)
        tell_systemd("READY=1")

    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    finally:
        hub.close()
        server.should_exit = True
        await serving


def _config(app: FastAPI, settings: ApiSettings) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise TlsUnusable(f"tls_cert {settings.tls_cert} with tls_key {settings.tls_key}: {error}") from error
    return config
