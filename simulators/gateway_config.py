"""The `gateway.toml` of a gateway that reads this plant.

    Plant, endpoints as bound, GatewayTarget ──► text

Every tag of a machine is read with the machine's period, so that an answer never gives away a value nobody asked for.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulators.opcua_server import NAMESPACE, PATH
from simulators.plant import MachineSettings, Plant, RegisterSettings
from simulators.tags import TagSpec

_OPCUA_TYPES = {"float64": "float64", "int64": "int64", "bool": "bool", "text": "string"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server of the plant listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class GatewayTarget:
    """Who the gateway is, and where its broker and its spool are."""

    tenant: str
    gateway: str = "gw-1"
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    spool: Path = Path("gateway.spool")


def gateway_toml(plant: Plant, endpoints: Mapping[str, Endpoint], target: GatewayTarget) -> str:
    """The configuration; `endpoints` tells the port of each server by name."""
    return "\n".join(_lines(plant, endpoints, target)) + "\n"


def _lines(plant: Plant, endpoints: Mapping[str, Endpoint], target: GatewayTarget) -> Iterator[str]:
    yield from _set(tenant=target.tenant, gateway=target.gateway)
    yield "\n[broker]"
    yield from _set(host=target.broker_host, port=target.broker_port)
    yield "\n[spool]"
    yield from _set(path=str(target.spool))
    for machine in plant.machines:
        yield "\n[[devices]]"
        protocol = plant.server(machine.server).protocol
        yield from _set(name=machine.slug, machine=machine.slug, protocol=protocol)
        endpoint = endpoints[machine.server]
        yield from _modbus(machine, endpoint) if protocol == "modbus" else _opcua(machine, endpoint)


def _modbus(machine: MachineSettings, endpoint: Endpoint) -> Iterator[str]:
    yield "[devices.modbus]"
    yield from _set(host=endpoint.host, port=endpoint.port, unit=machine.unit)
    yield from _set(word_order=str(machine.word_order), byte_order=str(machine.byte_order))
    yield from _set(forbidden=[list(hole) for hole in machine.holes])
    registers = {register.tag: register for register in machine.registers}
    for spec in machine.tags:
        yield from _tag(spec)
        yield from _register(registers[spec.slug], spec)
        yield from _set(period_s=machine.period_s)


def _register(register: RegisterSettings, spec: TagSpec) -> Iterator[str]:
    yield from _set(address=register.address, type=register.type)
    if register.scaled:
        yield from _set(scale=register.scale, offset=register.offset)
    if spec.span:
        yield from _set(range=list(spec.span))


def _opcua(machine: MachineSettings, endpoint: Endpoint) -> Iterator[str]:
    yield "[devices.opcua]"
    yield from _set(url=f"opc.tcp://{endpoint.host}:{endpoint.port}{PATH}")
    for spec in machine.tags:
        yield from _tag(spec)
        yield from _set(node=f"nsu={NAMESPACE};s={machine.slug}.{spec.slug}", type=_OPCUA_TYPES[spec.type])
        if spec.slug in machine.polled:
            yield from _set(mode="poll", period_s=machine.period_s)


def _tag(spec: TagSpec) -> Iterator[str]:
    yield "[[devices.tags]]"
    yield from _set(tag=spec.slug)
    if spec.unit:
        yield from _set(unit=spec.unit)


def _set(**fields: str | float | list[float] | list[list[int]]) -> Iterator[str]:
    """`key = value`; what JSON writes of texts, numbers and lists is TOML too."""
    for name, value in fields.items():
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
