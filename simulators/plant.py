"""PLANT.toml → a frozen `Plant`: which machines stand where, what they show, over which server, and what will go wrong.

[[servers]]  ──┐
[[machines]] ──┼──► Plant (checked: every register fits, every fault has its machine)
[[faults]]   ──┘
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocols.modbus.point import BadPoint, Order, Point, parse_point
from protocols.sample import ValueKind
from runtime.settings import Settings, load
from simulators.faults import ANY_MACHINE, SENSOR_FAULTS, FaultSettings
from simulators.machines import MACHINES
from simulators.tags import TAGS, Kind, TagSpec, tag_spec

DEMO = Path(__file__).parent / "plants" / "demo.toml"

_KIND = {"float64": ValueKind.FLOAT, "int64": ValueKind.INT, "bool": ValueKind.BOOL, "text": ValueKind.TEXT}

_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_Address = Annotated[int, Field(ge=0, le=65535)]


class ServerSettings(Settings):
    """A server on the plant's network; one may speak for several machines."""

    name: _Id
    protocol: Literal["modbus", "opcua"]
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(0, ge=0, le=65535, description="0 takes any free port; `gateway.toml` tells which.")


class RegisterSettings(Settings):
    """Where a Modbus machine shows a tag: value = raw · scale + offset."""

    tag: str
    address: str
    type: str
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _understood(self) -> Self:
        try:
            point = self.point
        except BadPoint as error:
            raise ValueError(f"{self.tag}: {error}") from error
        if self.scale == 0 or (self.scaled and point.kind in (ValueKind.BOOL, ValueKind.TEXT)):
            raise ValueError(f"{self.tag}: scale must not be 0, and a {self.type} has none")
        return self

    @cached_property
    def point(self) -> Point:
        """Its place in the device, parsed."""
        return parse_point(self.address, self.type)

    @property
    def scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0

    @property
    def kind(self) -> ValueKind:
        """What a reader makes of it: a scaled integer is a float."""
        return ValueKind.FLOAT if self.scaled else self.point.kind


class MachineSettings(Settings):
    """One machine."""

    slug: _Id
    kind: Kind
    name_zh: str
    name_en: str
    model: _Id
    model_name: str
    maker: str = ""
    serial: str = ""
    criticality: Literal["A", "B", "C"] = "B"
    server: str = Field(description="Name of the server that speaks for it.")
    period_s: float = Field(1.0, gt=0, description="How often a gateway should read its polled tags.")
    # Modbus
    unit: int = Field(1, ge=1, le=247)
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    map_size: int = Field(256, ge=1, le=65536, description="Addresses from here on answer exception 2.")
    holes: tuple[tuple[_Address, _Address], ...] = Field((), description="[first, last] that answer exception 2.")
    registers: tuple[RegisterSettings, ...] = ()
    # OPC UA: every tag of the kind is a node; these are read in turn instead of subscribed
    polled: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[TagSpec, ...]:
        """What it shows: the mapped tags of a Modbus machine, all of its kind otherwise."""
        mapped = {register.tag for register in self.registers}
        return tuple(spec for spec in TAGS[self.kind] if not mapped or spec.slug in mapped)

    @model_validator(mode="after")
    def _map_fits(self) -> Self:
        for slug in (*(register.tag for register in self.registers), *self.polled):
            if tag_spec(self.kind, slug) is None:
                known = ", ".join(spec.slug for spec in TAGS[self.kind])
                raise ValueError(f"{self.slug}: a {self.kind} has no tag {slug!r}; it has {known}")
        taken: dict[tuple[str, int, int | None], str] = {}
        for register in self.registers:
            self._check(register)
            point = register.point
            for address in range(point.address, point.address + point.count):
                other = taken.setdefault((point.table.word, address, point.bit), register.tag)
                if other != register.tag:
                    where = f"{point.table.word}:{address}"
                    raise ValueError(f"{self.slug}: {register.tag} and {other} both stand at {where}")
        return self

    def _check(self, register: RegisterSettings) -> None:
        spec, point = tag_spec(self.kind, register.tag), register.point
        if spec and _KIND[spec.type] is not register.kind:
            raise ValueError(
                f"{self.slug}: {register.tag} cannot be a {register.type}; it is a {spec.type}"
                " (an integer with a scale or an offset is a float)"
            )
        last = point.address + point.count - 1
        if last >= self.map_size:
            raise ValueError(f"{self.slug}: {register.address} stands behind the map (map_size = {self.map_size})")
        for low, high in self.holes:
            if point.address <= high and low <= last:
                raise ValueError(f"{self.slug}: {register.address} stands in the hole [{low}, {high}]")


class Plant(Settings):
    """A whole plant."""

    tenant: _Id = "demo"
    site: _Id = "plant-1"
    site_name: str = "Plant 1"
    seed: int = Field(1, ge=0)
    speed: float = Field(1.0, gt=0, le=1000, description="Plant seconds that pass in a second of the wall clock.")
    tick_s: float = Field(0.1, ge=0.01, le=60, description="Wall seconds between two updates of what the servers show.")
    servers: tuple[ServerSettings, ...] = Field(min_length=1)
    machines: tuple[MachineSettings, ...] = Field(min_length=1)
    faults: tuple[FaultSettings, ...] = ()

    def server(self, name: str) -> ServerSettings:
        """The server of that name (checked to exist)."""
        return next(server for server in self.servers if server.name == name)

    def machines_of(self, server: str) -> tuple[MachineSettings, ...]:
        """The machines that a server speaks for."""
        return tuple(machine for machine in self.machines if machine.server == server)

    def faults_of(self, machine: str) -> tuple[FaultSettings, ...]:
        """What will go wrong with a machine."""
        return tuple(fault for fault in self.faults if fault.machine == machine)

    @model_validator(mode="after")
    def _servers_serve(self) -> Self:
        _distinct("server", [server.name for server in self.servers])
        _distinct("machine", [machine.slug for machine in self.machines])
        for machine in self.machines:
            server = next((server for server in self.servers if server.name == machine.server), None)
            if server is None:
                raise ValueError(f"{machine.slug}: there is no server {machine.server!r}")
            if (server.protocol == "modbus") != bool(machine.registers):
                raise ValueError(f"{machine.slug}: a Modbus machine, and only one, has registers")
            if machine.polled and server.protocol == "modbus":
                raise ValueError(f"{machine.slug}: every tag of a Modbus machine is polled; leave `polled` out")
        for server in self.servers:
            if server.protocol == "modbus":
                _distinct(f"unit of {server.name}", [machine.unit for machine in self.machines_of(server.name)])
        return self

    @model_validator(mode="after")
    def _faults_fit(self) -> Self:
        machines = {machine.slug: machine for machine in self.machines}
        for fault in self.faults:
            machine = machines.get(fault.machine)
            if machine is None:
                raise ValueError(f"fault {fault.fault}: there is no machine {fault.machine!r}")
            if fault.fault not in MACHINES[machine.kind].faults | ANY_MACHINE:
                known = ", ".join(sorted(MACHINES[machine.kind].faults | ANY_MACHINE))
                raise ValueError(f"a {machine.kind} cannot suffer from {fault.fault}; it can from {known}")
            if fault.fault in SENSOR_FAULTS and fault.tag not in [spec.slug for spec in machine.tags]:
                raise ValueError(f"fault {fault.fault}: {machine.slug} shows no tag {fault.tag!r}")
        return self


def _distinct(what: str, names: Sequence[str | int]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} is there twice")


def load_plant(path: Path = DEMO, *, speed: float | None = None, seed: int | None = None) -> Plant:
    """Read a plant; `speed` and `seed` override the file's.

    Raises:
        SettingsError: the file cannot be used; the text says where and why.
    """
    plant = load(Plant, path, environ={})
    changes = {name: value for name, value in (("speed", speed), ("seed", seed)) if value is not None}
    return plant.model_copy(update=changes)
