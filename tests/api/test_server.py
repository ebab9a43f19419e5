"""The API as a process would run it: a real socket, real signals of life, and an end within seconds."""

import asyncio
import contextlib
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api import AccessTableIncomplete, PortInUse, TlsUnusable
from api.access import check_table
from api.server import run_api
from api.settings import ApiSettings
from database import PrivilegedRole
from tests.api.plants import PASSWORD


@contextlib.asynccontextmanager
async def running(settings, scheme="http", verify=True):
    """run_api until the end of the block; its address."""
    task = asyncio.create_task(run_api(settings))
    url = f"{scheme}://{settings.host}:{settings.port}"
    try:
        async with asyncio.timeout(20), httpx.AsyncClient(verify=verify) as client:
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


async def test_no_answer_waits_for_an_acknowledgement(listening):
    """Nagle's algorithm and delayed acknowledgement together cost 40 ms an answer."""
    async with running(listening) as url, httpx.AsyncClient(base_url=url) as client:
        taken = []
        for _ in range(10):
            started = time.perf_counter()
            await client.get("/api/v1/nothing")
            taken.append(time.perf_counter() - started)
    assert min(taken) < 0.035


async def test_it_speaks_https_and_then_everything_is_secure(listening, ours, tmp_path):
    cert, key = self_signed(tmp_path)
    secure = listening.model_copy(update={"tls_cert": cert, "tls_key": key, "public_url": None})
    trust = ssl.create_default_context(cafile=str(cert))
    login = {"login": "ours-planner", "password": PASSWORD}
    async with running(secure, "https", trust) as url, httpx.AsyncClient(base_url=url, verify=trust) as client:
        answer = await client.post("/api/v1/session", json=login, headers={"origin": url})
        assert answer.status_code == 200
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "max-age=31536000" in answer.headers["strict-transport-security"]
        assert (await client.get("/api/v1/session")).status_code == 200, "the cookie came along"


async def test_a_certificate_that_cannot_be_used_names_the_setting(listening, tmp_path):
    missing = listening.model_copy(update={"tls_cert": tmp_path / "none.pem", "tls_key": tmp_path / "none.key"})
    with pytest.raises(TlsUnusable, match="tls_cert"):
        await run_api(missing)


@pytest.mark.parametrize("proxies", [(), ("127.0.0.1",)])
async def test_only_a_trusted_proxy_may_say_who_is_behind_it(listening, proxies):
    behind = listening.model_copy(update={"trusted_proxies": proxies})
    async with running(behind) as url, httpx.AsyncClient(base_url=url) as client:
        told = [{"x-forwarded-for": f"192.0.2.{n}"} for n in range(11)]
        sent = [await client.post("/api/v1/public/labels/none/reports", headers=headers) for headers in told]
    last = 404 if proxies else 429
    assert [answer.status_code for answer in sent] == [404] * 10 + [last]


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


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
