"""The shipped Mosquitto files, run for real: TLS only, a certificate each, a gateway in its own tree only."""

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import aiomqtt
import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.skipif(
    not (shutil.which("mosquitto") and shutil.which("openssl")), reason="mosquitto or openssl is not installed"
)


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The broker of deploy/, with its paths moved into a temporary folder."""
    folder = tmp_path_factory.mktemp("mosquitto")
    certificates = folder / "certificates"
    subprocess.run(
        [DEPLOY / "mosquitto/certificates", certificates, "127.0.0.1", "acme/gw-1", "acme/gw-2"], check=True
    )
    port = free_tcp_port()
    text = (DEPLOY / "mosquitto/mosquitto.conf").read_text()
    text = text.replace("/certificates/", f"{certificates}/").replace("/mosquitto/data/", f"{folder}/")
    text = text.replace("/mosquitto/config/acl", str(DEPLOY / "mosquitto/acl"))
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1") + "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    with (folder / "log").open("wb") as log:
        broker = subprocess.Popen(["mosquitto", "-c", folder / "mosquitto.conf"], stdout=log, stderr=log)
    try:
        wait_for_port(port, folder / "log")
        yield port, certificates
    finally:
        broker.terminate()
        broker.wait(5)


def wait_for_port(port, log):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail(log.read_text())


def context(certificates, name):
    made = ssl.create_default_context(cafile=certificates / "ca.crt")
    if name:
        made.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
    return made


def client(guarded, name):
    port, certificates = guarded
    return aiomqtt.Client("127.0.0.1", port, tls_context=context(certificates, name), timeout=5)


async def next_payload(connection, within_s=5.0):
    async with asyncio.timeout(within_s):
        async for message in connection.messages:
            return message.payload
    return None


async def test_a_gateway_reaches_ingest_and_gets_its_receipt(guarded):
    async with client(guarded, "ingest") as ingest, client(guarded, "acme.gw-1") as gateway:
        await ingest.subscribe("lw/1/+/+/up/+", 1)
        await gateway.subscribe("lw/1/acme/gw-1/down/+", 1)
        await gateway.publish("lw/1/acme/gw-1/up/data", b"batch", 1)
        assert await next_payload(ingest) == b"batch"
        await ingest.publish("lw/1/acme/gw-1/down/receipt", b"receipt", 1)
        assert await next_payload(gateway) == b"receipt"


@pytest.mark.parametrize(
    "topic",
    ["lw/1/acme/gw-1/up/data", "lw/1/other/gw-2/up/data", "lw/1/acme/gw-2/down/receipt", "lw/1/acme/gw-2/up/data/x"],
)
async def test_a_gateway_cannot_speak_outside_its_tree(guarded, topic):
    async with client(guarded, "ingest") as ingest, client(guarded, "acme.gw-2") as gateway:
        await ingest.subscribe("lw/1/+/+/up/#", 1)
        await gateway.subscribe("lw/1/acme/gw-2/down/+", 1)
        await gateway.publish(topic, b"evil", 1)
        await gateway.publish("lw/1/acme/gw-2/up/data", b"good", 1)
        assert await next_payload(ingest) == b"good"


@pytest.mark.parametrize("wanted", ["#", "lw/1/acme/gw-1/down/+", "lw/1/+/+/up/data", "$SYS/#"])
async def test_a_gateway_cannot_listen_outside_its_tree(guarded, wanted):
    async with client(guarded, "ingest") as ingest, client(guarded, "acme.gw-2") as gateway:
        await gateway.subscribe(wanted, 1)
        await ingest.publish("lw/1/acme/gw-1/down/receipt", b"not for you", 1)
        with pytest.raises(TimeoutError):
            await next_payload(gateway, within_s=0.5)


async def test_without_a_certificate_nobody_gets_in(guarded):
    with pytest.raises((aiomqtt.MqttError, ssl.SSLError)):
        async with client(guarded, None):
            pass


async def test_plaintext_gets_nowhere(guarded):
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", guarded[0], timeout=2):
            pass


def test_a_near_miss_name_gets_no_certificate(tmp_path):
    command = [DEPLOY / "mosquitto/certificates", tmp_path / "c", "127.0.0.1", "acme/+"]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    assert made.returncode == 2
    assert "give <tenant>/<gateway>" in made.stderr


def test_the_broker_key_of_the_house_is_not_readable(guarded):
    assert (guarded[1] / "ca.key").stat().st_mode & 0o077 == 0


def test_no_secret_and_no_wildcard_listener_in_the_shipped_files():
    for path in (DEPLOY / "mosquitto").iterdir():
        assert not re.search(r"password\s*=|allow_anonymous true|BEGIN .*PRIVATE", path.read_text()), path
