"""A real gateway with real machines, a tap before its broker, and a host that says STATE and commands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from edge_gateway.settings import GatewaySettings
from linewright.broker import Broker
from protocols.sparkplug import payload, state
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric, Payload
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Ingest, Plc
from tests.sparkplug.edge_session import Said, Tap

HOST = "scada"
PRESS_TAGS, PUMP_TAGS = {"a": 0.1, "b": 0.1}, {"a": 0.1}


@dataclass
class Plant:
    """Two machines of one gateway, and its configuration."""

    press: Plc
    pump: Plc
    folder: Path

    def settings(self, usual: Broker, **sparkplug) -> GatewaySettings:
        devices = [
            modbus_device("press-1", self.press.port, PRESS_TAGS, timeout_s=0.3),
            modbus_device("pump-2", self.pump.port, PUMP_TAGS, timeout_s=0.3),
        ]
        return GatewaySettings(
            tenant=ADDRESS.tenant,
            gateway=ADDRESS.gateway,
            broker=usual.settings,
            spool={"path": self.folder / "gw.spool", "max_bytes": 64 << 20},
            sparkplug=sparkplug,
            devices=[device.model_dump(exclude_unset=True) for device in devices],
        )

    def toml(self, broker: Broker, sparkplug: str) -> Path:
        """The same as a file for the command."""
        tag = '[[devices.tags]]\ntag = "{}"\naddress = "holding:{}"\ntype = "float32"\nperiod_s = {}\n'
        devices = "".join(
            f'[[devices]]\nname = "{name}"\nprotocol = "modbus"\n'
            f'[devices.modbus]\nhost = "127.0.0.1"\nport = {plc.port}\ntimeout_s = 0.3\n'
            + "".join(tag.format(one, 2 * place, period_s) for place, (one, period_s) in enumerate(tags.items()))
            for name, plc, tags in (("press-1", self.press, PRESS_TAGS), ("pump-2", self.pump, PUMP_TAGS))
        )
        path = self.folder / "gateway.toml"
        path.write_text(
            f'tenant = "{ADDRESS.tenant}"\ngateway = "{ADDRESS.gateway}"\n[broker]\nport = {broker.port}\n'
            f'[spool]\npath = "{self.folder / "gw.spool"}"\n{sparkplug}\n{devices}'
        )
        return path


@dataclass
class Scada:
    """A host in few words."""

    client: aiomqtt.Client

    async def is_(self, *, online: bool, at_ms: int, host: str = HOST) -> None:
        """Say a STATE."""
        body = state.encode(online=online, timestamp_ms=at_ms)
        await self.client.publish(f"spBv1.0/STATE/{host}", body, qos=1, retain=True)

    async def command(self, topic: str, *metrics: Metric) -> None:
        await self.client.publish(topic, payload.encode(Payload(1, metrics)), qos=0)

    async def ask_for_rebirth(self) -> None:
        topic = f"spBv1.0/{ADDRESS.tenant}/NCMD/{ADDRESS.gateway}"
        await self.command(topic, Metric("Node Control/Rebirth", DataType.BOOLEAN, True))


@contextlib.asynccontextmanager
async def scada(broker: Broker) -> AsyncIterator[Scada]:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        yield Scada(client)


def good_values(said: Iterable[Said]) -> set[tuple[str, str, int, float]]:
    """Every good value that a host has heard, live or historical: machine, tag, ms, value."""
    names: dict[int, str] = {}
    found = set()
    for one in said:
        for told in one.told.metrics:
            if one.verb == "DBIRTH":
                names[told.alias] = told.name
            if one.device and not told.is_null:
                found.add((one.device, names[told.alias], told.timestamp, told.double_value))
    return found


def stored_values(ingest: Ingest) -> set[tuple[str, str, int, float]]:
    """The same of what our own ingest has."""
    found = set()
    for batch in ingest.batches.values():
        names = {tag.alias: (tag.machine, tag.tag) for tag in ingest.catalogs[batch.header.revision].tags}
        for column in batch.columns:
            good = column.code == 0
            listed = (array[good].tolist() for array in (column.alias, column.time_ns, column.value))
            found |= {
                (*names[alias], time_ns // 1_000_000, value) for alias, time_ns, value in zip(*listed, strict=True)
            }
    return found


async def all_heard(tap: Tap, ingest: Ingest, within_s: float = 20.0) -> None:
    """Wait until the host has heard everything that is stored."""
    async with asyncio.timeout(within_s):
        while stored_values(ingest) - good_values(tap.sent("DBIRTH", "DDATA")):
            await asyncio.sleep(0.05)
