"""The API as a process would run it: a real socket, real signals of life, and an end within seconds."""

import asyncio
import contextlib
import time

import httpx
import psycopg
import pytest

from api import AccessTableIncomplete, PortInUse
from api.access import check_table
from api.server import run_api
from api.settings import ApiSettings
from database import PrivilegedRole


@contextlib.asynccontextmanager
async def running(settings):
    """run_api until the end of the block; its address."""
    task = asyncio.create_task(run_api(settings))
    url = f"http://{settings.host}:{settings.port}"
    try:
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while not task.done():
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"{url}/healthz")
                    break
                await asyncio.sleep(0.02)
        if task.done():
            await task
        yield url
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def listening(settings, free_port):
    return settings.model_copy(update={"port": free_port(), "health_port": free_port()})


async def test_it_serves_until_it_is_cancelled_and_open_streams_do_not_hold_it(listening, ours):
    async with running(listening) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "failing": []}
        near = await client.get(f"http://127.0.0.1:{listening.health_port}/metrics")
        assert "lw_api_requests_total" in near.text
        async with client.stream("GET", "/api/v1/live", headers=ours.bearer("planner")) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == ": connected"
            started = time.monotonic()
            for task in asyncio.all_tasks():
                if task.get_coro().__name__ == "run_api":
                    task.cancel()
            async with asyncio.timeout(3):
                with contextlib.suppress(httpx.RemoteProtocolError):
                    async for _ in lines:
                        pass
            while any(task.get_coro().__name__ == "run_api" for task in asyncio.all_tasks()):
                assert time.monotonic() - started < 3
                await asyncio.sleep(0.01)
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_a_port_in_use_names_the_setting(listening):
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", listening.port):
        with pytest.raises(PortInUse, match="LINEWRIGHT_PORT"):
            await run_api(listening)


async def test_a_role_that_sees_every_tenant_is_refused(listening, database):
    everything = listening.model_copy(update={"database": database.settings("owner")})
    with pytest.raises(PrivilegedRole, match="lw_app"):
        async with asyncio.timeout(20):
            await run_api(everything)


async def test_a_database_that_comes_back_is_used_again(client, ours, database):
    with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert (await client.get("/api/v1/session", headers=ours.bearer("planner"))).status_code == 200


def test_a_route_without_a_line_in_the_access_table_stops_the_start():
    with pytest.raises(AccessTableIncomplete, match="brand_new"):
        check_table(["brand_new"])


def test_settings_refuse_half_a_certificate_and_a_path_in_the_public_url():
    base = {"database": {"dsn": "postgresql:///x"}}
    with pytest.raises(ValueError, match="together"):
        ApiSettings.model_validate(base | {"tls_cert": "cert.pem"})
    with pytest.raises(ValueError, match="pattern"):
        ApiSettings.model_validate(base | {"public_url": "https://plant.example/app"})
    assert ApiSettings.model_validate(base).base_url == "http://127.0.0.1:8080"
