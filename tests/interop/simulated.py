"""Our simulator as another's program sees it: what it handed out, and what registers mean by `struct` alone."""

import struct
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from protocols.modbus.point import Order
from protocols.sample import Value
from simulators.modbus_server import ModbusServer
from simulators.physics import PlantPhysics
from simulators.plant import MachineSettings, RegisterSettings, load_plant

FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f", "float64": "d"}
MACHINES = ("compressor-1", "pump-1")  # most significant word first, and last


@dataclass
class Simulated:
    """A machine behind a real Modbus TCP server that stands still."""

    machine: MachineSettings
    port: int = 0
    told: dict[str, Value] = field(default_factory=dict)

    def hand(self, machine: str, time_ns: int, values: Iterable[tuple[str, Value]]) -> None:
        self.told.update(values)

    def meaning(self, register: RegisterSettings, words: Sequence[int]) -> Value:
        """What these words (or this bit) say."""
        if register.type == "bool":
            return bool(words[0] >> (register.point.bit or 0) & 1)
        if register.type.startswith("string"):
            return struct.pack(f">{len(words)}H", *words).rstrip(b"\0").decode()
        ordered = words if self.machine.word_order is Order.BIG else words[::-1]
        (raw,) = struct.unpack(">" + FORMATS[register.type], struct.pack(f">{len(words)}H", *ordered))
        return raw * register.scale + register.offset if register.scaled else raw


@asynccontextmanager
async def simulated(slug: str) -> AsyncIterator[Simulated]:
    """The machine after half a minute of its life."""
    plant = load_plant()
    physics = PlantPhysics(plant)
    physics.advance(30.0)
    (machine,) = plant.machines_of(slug)
    seen = Simulated(machine)
    async with ModbusServer(plant.server(slug), [machine], seen.hand) as server:
        await server.show(slug, physics.values(slug), time.time_ns())
        seen.port = server.port
        yield seen
