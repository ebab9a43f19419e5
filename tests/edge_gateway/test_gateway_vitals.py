"""What systemd and a person see of a gateway in trouble: the watchdog, /healthz, /tags, the gauges."""

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import REGISTRY

from edge_gateway import vitals
from edge_gateway.polling import poller
from edge_gateway.settings import GatewaySettings
from edge_gateway.spool.spool import Spool
from protocols.registry import make_driver
from tests.edge_gateway.gateway_parts import modbus_device, until
from tests.edge_gateway.other_ends import Plc, gateway, listening


def configured(folder, broker_port: int, health_port: int, *devices) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {
            "tenant": "demo",
            "gateway": "gw-1",
            "broker": {"host": "127.0.0.1", "port": broker_port},
            "spool": {"path": folder / "gw.spool"},
            "health": {"port": health_port},
            "devices": devices,
        }
    )


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"linewright_gateway_{name}", labels)


async def asked(port: int, path: str):
    """Status and JSON of a page."""

    def get():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return await asyncio.to_thread(get)


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._line.bind(str(path))

    def fed(self) -> int:
        """How often the watchdog was fed since it was asked last."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._line.recv(100))
        return found.count(b"WATCHDOG=1")

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def systemd(monkeypatch, tmp_path):
    """Allows 100 ms of silence; the gateway counts as stuck after 2 s."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setattr(vitals, "_STUCK_S", 2.0)
    monkeypatch.setattr(vitals, "_LOOK_S", 0.05)
    with contextlib.closing(Systemd(tmp_path / "notify")) as line:
        yield line


async def test_dead_devices_and_an_absent_broker_do_not_restart_the_process_but_are_seen(systemd, tmp_path, free_port):
    device = modbus_device("dead", free_port(), {"x": 0.1})
    port = free_port()
    async with gateway(configured(tmp_path, free_port(), port, device)) as task:
        await until(lambda: (shown("oldest_open_age_seconds") or 0) > 2)
        systemd.fed()
        await until(lambda: systemd.fed() >= 1)
        assert not task.done()
        assert await asked(port, "/healthz") == (200, {"status": "ok", "failing": [], "troubles": []})
        _, tags = await asked(port, "/tags")
        assert [(tag["machine"], tag["tag"], tag["quality"]) for tag in tags] == [("dead", "x", "bad")]
        age = {"machine": "dead", "tag": "x", "reason": tags[0]["reason"]}
        await until(lambda: (shown("tag_last_good_age_seconds", **age) or 0) > 1)
        await until(lambda: (shown("open_batches") or 0) >= 1)
    assert shown("broker_connected") == 0
    assert shown("spool_bytes") > 0
    assert shown("device_up", device="dead") == 0
    assert shown("tags_not_good", endpoint=device.endpoint) == 1
    assert shown("last_good_age_seconds", endpoint=device.endpoint) > 1
    assert sum(
        shown("clock_state", linewright_gateway_clock_state=state) for state in ("unknown", "synced", "unsynced")
    )


async def test_all_is_well_with_a_living_device_and_broker(systemd, tmp_path, free_port, broker):
    async with Plc(free_port()) as plc, listening(broker.settings):
        device = modbus_device("press-1", plc.port, {"x": 0.1})
        async with gateway(configured(tmp_path, broker.settings.port, free_port(), device)):
            await until(lambda: shown("tags_not_good", endpoint=device.endpoint) == 0)
            assert shown("device_up", device="press-1") == 1
            await until(lambda: shown("broker_connected") == 1)
            await until(lambda: (shown("receipted_batches_total") or 0) > 0)
            await until(lambda: systemd.fed() >= 1)


async def test_a_commit_that_hangs_starves_the_watchdog_and_says_why(systemd, tmp_path, free_port, monkeypatch):
    port, going = free_port(), asyncio.Event()

    async def hang(self, commit):
        await going.wait()
        raise asyncio.CancelledError

    device = modbus_device("dead", free_port(), {"x": 0.1})
    async with gateway(configured(tmp_path, free_port(), port, device)):
        await until(lambda: systemd.fed() >= 1)
        with monkeypatch.context() as patch:
            patch.setattr(Spool, "commit", hang)
            await _starved(systemd)
            status, told = await asked(port, "/healthz")
            going.set()
    assert (status, told["failing"]) == (503, ["spool"])
    assert "disk" in told["troubles"][0]["way_out"]


async def test_a_driver_that_does_not_even_heed_its_cancellation_starves_the_watchdog(
    systemd, tmp_path, free_port, monkeypatch
):
    monkeypatch.setattr(poller, "_CALL_MOST_S", 0.2)
    port, released = free_port(), asyncio.Event()

    class Deaf:
        def __init__(self, driver) -> None:
            self._driver = driver

        def __getattr__(self, name):
            return getattr(self._driver, name)

        async def read(self, op):
            while not released.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await released.wait()
            raise OSError("at last")

    monkeypatch.setattr(poller, "make_driver", lambda devices, clock: Deaf(make_driver(devices, clock)))
    device = modbus_device("deaf", free_port(), {"x": 0.1})
    async with gateway(configured(tmp_path, free_port(), port, device)):
        await _starved(systemd)
        status, told = await asked(port, "/healthz")
        released.set()
    assert (status, told["failing"]) == (503, ["polling"])
    assert device.endpoint in told["troubles"][0]["cause"]


async def _starved(systemd: Systemd) -> None:
    """Wait until half a second has passed without food, five times what systemd allows."""
    async with asyncio.timeout(15):
        while True:
            systemd.fed()
            await asyncio.sleep(0.5)
            if not systemd.fed():
                return
