"""An MQTT broker for this machine: `mosquitto` if it is on PATH, else the `iotcore` wheel (rumqttd) in a child process.

    Broker(folder) ──config file──► child on 127.0.0.1 ──► .settings for gateways (MQTT 3.1.1) and ingest (MQTT 5)

Loopback only and open to everybody on it: other machines need a broker with TLS and access control. mosquitto speaks
both versions on one port, rumqttd keeps a second port for MQTT 5; `BrokerSettings.mqtt5_port` hides the difference.
Nothing of Linewright's delivery rests on what a broker keeps: rumqttd keeps nothing on disk, mosquitto only over an
orderly stop.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from linewright import LinewrightError
from protocols.broker import BrokerSettings
from runtime.account import Account, ordinary_account
from runtime.ports import free_ports
from runtime.process import die_with_parent

HOST = "127.0.0.1"
_START_S = 10.0
_STOP_S = 1.5

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_interval 5
max_inflight_messages 1000
max_queued_messages 200000
max_queued_bytes 268435456
max_packet_size 16777216
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""
# Segments are what rumqttd keeps in memory for each topic filter: 10 of 16 MiB.
_RUMQTTD = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 20000
max_segment_size = 16777216
max_segment_count = 10
"""
_RUMQTTD_LISTENER = """\
[{version}.1]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 5000
max_payload_size = 16777216
max_inflight_count = 1000
dynamic_filters = true
"""
# `python -m iotcore` logs every packet as an error, which costs nine tenths of its speed.
_SERVE_IOTCORE = """\
import logging, sys
logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
from iotcore import IotCoreBroker
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""


class BrokerFailed(LinewrightError):
    """No broker can be started here; the text says what to install or to configure instead."""


class Program(NamedTuple):
    """One kind of broker: how many ports it needs, to whom root hands it, how it is started."""

    ports: int
    accounts: tuple[str, ...]
    command: Callable[[Path, list[int], str], list[str]]


class Broker:
    """A broker for as long as the context is open; `stop` and `start` in between play an outage."""

    def __init__(self, folder: Path, port: int = 0, program: str | None = None) -> None:
        """`folder` gets configuration, log and what mosquitto keeps; port 0 takes free ones and keeps them."""
        self._folder = folder.absolute()
        self._program = PROGRAMS[program or installed()]
        self._ports = _ports(self._program.ports, port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._process is None:
            raise BrokerFailed("the broker is not running; enter its context first")
        return self._process.pid

    @property
    def host(self) -> str:
        return HOST

    @property
    def port(self) -> int:
        """Port for MQTT 3.1.1."""
        return self._ports[0]

    @property
    def settings(self) -> BrokerSettings:
        """How every service reaches this broker; known before it runs."""
        return BrokerSettings(host=HOST, port=self._ports[0], port_mqtt5=self._ports[-1])

    async def start(self) -> None:
        """Start and wait until it accepts connections.

        Raises:
            BrokerFailed: none is installed, or it does not come up.
        """
        self._process = self._spawn()
        async with asyncio.timeout(_START_S):
            for port in self._ports:
                while not await _accepts(port):
                    self._raise_if_ended()
                    await asyncio.sleep(0.02)
        self._raise_if_ended()

    async def stop(self) -> None:
        """End it in order (SIGTERM), hard if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
        await self.stop()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        account = ordinary_account(*self._program.accounts)
        if account and account.may_enter(self._folder):
            account.take(self._folder)  # it keeps its messages there
        else:
            account = Account("root", 0, 0)
        with self._log.open("wb") as told:
            # A broker that leaves root by itself would also lose the order to die with us.
            return subprocess.Popen(  # noqa: S603
                self._program.command(self._folder, self._ports, account.name),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                cwd="/",
                start_new_session=True,
                preexec_fn=partial(die_with_parent, signal.SIGTERM),  # noqa: PLW1509
                **account.become(),
            )

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _raise_if_ended(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise BrokerFailed(f"the broker ended while starting:\n{self._log.read_text(errors='replace')[-1000:]}")


def installed() -> str:
    """The broker to use on this machine.

    Raises:
        BrokerFailed: there is none.
    """
    if shutil.which("mosquitto"):
        return "mosquitto"
    if find_spec("iotcore"):
        return "iotcore"
    raise BrokerFailed(
        "no MQTT broker on this machine: install the Debian package `mosquitto` or the Python package `iotcore` "
        "(extra `linewright[embedded]`), or name a broker of your own: LINEWRIGHT_BROKER__HOST, LINEWRIGHT_BROKER__PORT"
    )


def _mosquitto(folder: Path, ports: list[int], user: str) -> list[str]:
    config = folder / "mosquitto.conf"
    config.write_text(_MOSQUITTO.format(port=ports[0], folder=folder, user=user), encoding="utf-8")
    program = shutil.which("mosquitto")
    if not program:
        raise BrokerFailed("mosquitto is not on PATH; install the Debian package `mosquitto`")
    return [program, "-c", str(config)]


def _iotcore(folder: Path, ports: list[int], _user: str) -> list[str]:
    listeners = [_RUMQTTD_LISTENER.format(version=v, port=p) for v, p in zip(("v4", "v5"), ports, strict=True)]
    config = folder / "rumqttd.toml"
    config.write_text(_RUMQTTD + "".join(listeners), encoding="utf-8")
    return [sys.executable, "-P", "-c", _SERVE_IOTCORE, str(config)]


PROGRAMS = {
    "mosquitto": Program(1, ("mosquitto", "nobody"), _mosquitto),
    "iotcore": Program(2, (), _iotcore),  # runs in our own interpreter, which may stand where nobody else can go
}


def _ports(count: int, first: int) -> list[int]:
    """`first` and the ones after it; any free ones when `first` is 0."""
    return [first + step for step in range(count)] if first else free_ports(count)


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
