"""The line to the broker over TLS: verified or not there at all, never readable, certificates renewed without a gap."""

import asyncio
import contextlib
import re
import shutil
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge_gateway.settings import GatewaySettings
from protocols.broker import BrokerSettings
from runtime.settings import SettingsError, load
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Plc, gateway, listening
from tests.edge_gateway.tls_parts import Authority, TlsBroker, only_tls
from tests.protocols.link import Link, link_to

pytestmark = pytest.mark.skipif(
    not shutil.which("mosquitto"), reason="a broker with TLS is needed: install the Debian package mosquitto"
)
LOGIN, SECRET = "gw-1", "pass-77a1-word"


@pytest.fixture
def works(open_folder: Path, request: pytest.FixtureRequest) -> Authority:
    return Authority(open_folder / f"tls-{abs(hash(request.node.name))}")


def settings(folder: Path, plc: int, **broker: Any) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {
            "tenant": ADDRESS.tenant,
            "gateway": ADDRESS.gateway,
            "broker": {"host": "127.0.0.1", "username": LOGIN, "password": SECRET, **broker},
            "spool": {"path": folder / "gw.spool", "max_bytes": 64 << 20},
            "devices": [
                modbus_device("press-1", plc, {"a": 0.05, "b": 0.05}, timeout_s=0.5).model_dump(exclude_unset=True)
            ],
        }
    )


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def readable(link: Link) -> list[str]:
    """What of ours could be read on the line."""
    return [text for text in (SECRET, LOGIN, "lw/1/") if text.encode() in link.asked]


@contextlib.asynccontextmanager
async def broker_of(kind: str, works: Authority, port: int, folder: Path) -> AsyncIterator[None]:
    """A real broker that must not be spoken to, or something else on its port."""
    other = Authority(folder / "other", "Other CA")
    pairs = {
        "another authority": lambda: other.signs("broker"),
        "self-signed": lambda: works.signs("broker", itself=True),
        "expired": lambda: works.signs("broker", days=(-20, -10)),
        "not yet valid": lambda: works.signs("broker", days=(10, 20)),
        "another host": lambda: works.signs("broker", host="broker.example"),
        "right": lambda: works.signs("broker"),
    }
    if kind in pairs:
        async with TlsBroker(works, port, pairs[kind]()):
            yield
        return
    serve = {"TLS 1.1": _old_tls(works), "hangs up": None, "no TLS": None}[kind]
    answer = b"\x20\x02\x00\x00\xd0\x00" if kind == "no TLS" else b""  # CONNACK: welcome, whoever you are

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if answer:
                await reader.read(100)
                writer.write(answer)
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", port, ssl=serve)
    async with server:
        yield


def _old_tls(works: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*works.signs("old"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("another authority", "unable to get local issuer|self.signed"),
        ("self-signed", "self.signed"),
        ("expired", "expired"),
        ("not yet valid", "not yet valid"),
        ("another host", "IP address mismatch|doesn't match"),
        ("TLS 1.1", "(?i)protocol|EOF"),
        ("hangs up", "(?i)EOF|reset|disconnect"),
        ("no TLS", "(?i)wrong version number|record layer"),
    ],
)
async def test_a_broker_that_is_not_proven_hears_nothing(
    works: Authority, tmp_path: Path, free_port: Callable[[], int], kind: str, cause: str
) -> None:
    port = free_port()
    async with broker_of(kind, works, port, tmp_path), link_to(port) as link:
        wanted = settings(tmp_path, free_port(), port=link.port, tls=True, ca_file=works.file)
        with capture_logs() as logged:
            async with gateway(wanted):
                await until(lambda: link.opened >= 3)
    assert only_tls(bytes(link.asked))
    assert readable(link) == []
    lost = [entry for entry in logged if entry["event"] == "broker lost, trying again"]
    assert len(lost) == 1
    assert re.search(cause, lost[0]["cause"]), lost[0]["cause"]
    assert not [entry for entry in logged if entry["log_level"] == "error"]


async def test_a_proven_broker_hears_all_and_nobody_else(
    works: Authority, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The control of the test above: the same line, the same gateway, and it does connect."""
    port = free_port()
    async with broker_of("right", works, port, tmp_path), link_to(port) as link:
        with capture_logs() as logged:
            async with gateway(settings(tmp_path, free_port(), port=link.port, tls=True, ca_file=works.file)):
                await until(lambda: len(link.asked) > 1500)
    assert only_tls(bytes(link.asked))
    assert readable(link) == []
    assert "broker lost, trying again" not in [entry["event"] for entry in logged]


async def test_the_line_without_tls_is_readable(tmp_path: Path, free_port: Callable[[], int], broker: Any) -> None:
    """The control of the recorder: on loopback a password may go as it is, and it is seen."""
    async with link_to(broker.port) as link, gateway(settings(tmp_path, free_port(), port=link.port)):
        await until(lambda: b"lw/1/" in link.asked)
    assert not only_tls(bytes(link.asked))
    assert readable(link) == [SECRET, LOGIN, "lw/1/"]


async def test_an_old_server_is_really_old(works: Authority, tmp_path: Path, free_port: Callable[[], int]) -> None:
    """The control of "TLS 1.1": who wants to, gets in."""
    port = free_port()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(works.file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    async with broker_of("TLS 1.1", works, port, tmp_path):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.1"
        writer.close()


async def test_a_renewed_certificate_is_taken_at_the_next_connection_and_nothing_is_lost(
    works: Authority, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Mutual TLS; the files are replaced under the running gateway, then the broker is started anew."""
    port, plc_port = free_port(), free_port()
    mine = [tmp_path / name for name in ("gw.crt", "gw.key")]

    def wear(name: str) -> None:
        for source, target in zip(works.signs(name), mine, strict=True):
            shutil.copy(source, target)

    cert, key = works.signs("ingest")
    tls = {"port": port, "tls": True, "ca_file": works.file}
    wanted = settings(tmp_path, plc_port, cert_file=mine[0], key_file=mine[1], password=None, **tls)
    ingest_line = BrokerSettings(host="127.0.0.1", cert_file=cert, key_file=key, **tls)
    wear("gw-old")
    line = TlsBroker(works, port, works.signs("broker"), mutual=True)
    async with line as broker, Plc(plc_port) as plc, listening(ingest_line) as ingest, gateway(wanted):
        await ingest.until(lambda: len(ingest.batches) >= 2)
        assert "u'gw-old'" in broker.log
        await broker.stop()
        mine[1].write_text("half written")
        await asyncio.sleep(0.5)
        wear("gw-new")
        before = len(ingest.batches)
        await broker.start()
        run = next(iter(ingest.batches)).run
        await ingest.until(lambda: len(ingest.batches) >= before + 3 and len(list(ingest.committed(run))) == 1, 30)
        assert "u'gw-new'" in broker.log
    for (_, tag), values in ingest.good_values().items():
        handed = plc.handed[{"a": 0, "b": 2}[tag]]
        first = handed.index(values[0])
        assert values == handed[first : first + len(values)], tag


async def test_missing_files_are_told_once_and_mended_without_a_restart(
    works: Authority, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    async with broker_of("right", works, port, tmp_path), link_to(port) as link:
        ca = tmp_path / "late.crt"
        with capture_logs() as logged:
            async with gateway(settings(tmp_path, free_port(), port=link.port, tls=True, ca_file=ca)):
                await until(lambda: any(entry["event"] == "broker lost, trying again" for entry in logged))
                await asyncio.sleep(0.5)
                shutil.copy(works.file, ca)
                await until(lambda: any(entry["event"] == "broker back" for entry in logged))
    assert "cannot be used" in next(entry["cause"] for entry in logged if entry["event"] == "broker lost, trying again")
    assert not [entry for entry in logged if entry["log_level"] == "error"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('host = "10.0.0.5"\npassword = "{}"', "a secret does not stand in this file"),
        ('ca_file = "ca.crt"', "do nothing without tls = true"),
        ('tls = true\npasword = "{}"', "did you mean `password`"),
        ('tls = true\nport = "{}"', "valid integer"),
    ],
)
def test_settings_that_would_show_a_secret_are_refused_without_showing_it(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f'tenant = "demo"\ngateway = "gw"\n[broker]\n{line.format(SECRET)}\n')
    with pytest.raises(SettingsError) as error:
        load(GatewaySettings, file, {})
    assert told in str(error.value)
    chain: BaseException | None = error.value
    while chain:
        assert SECRET not in f"{chain} {chain!r}"
        chain = chain.__cause__


def test_a_password_never_goes_over_an_open_line() -> None:
    with pytest.raises(ValueError, match=r"everybody on the way to 10\.0\.0\.5 would read the password") as told:
        BrokerSettings.model_validate({"host": "10.0.0.5", "username": LOGIN, "password": SECRET})
    assert SECRET not in str(told.value)
    for allowed in ({"host": "localhost"}, {"host": "10.0.0.5", "tls": True}):
        BrokerSettings.model_validate({"password": SECRET, **allowed})
