"""Runs tests/cases: configuration and device contents in, samples out."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from protocols.device import NumberedDevice
from protocols.driver import Driver
from protocols.modbus.settings import ModbusDevice
from protocols.opcua.settings import OpcuaDevice
from protocols.registry import make_driver
from protocols.sample import quality_of, reason_of
from tests.protocols.contract import read_all
from tests.protocols.modbus_rig import ModbusRig, Plc
from tests.protocols.opcua_rig import OpcuaServer

pytestmark = pytest.mark.asyncio(loop_scope="session")
CASES = Path(__file__).parent.parent / "cases"


def folders(protocol: str) -> list[Path]:
    found = sorted(folder for folder in (CASES / protocol).iterdir() if folder.is_dir())
    assert len(found) >= 3
    return found


def load(folder: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))


async def assert_samples(driver: Driver, tags: list[str], expected: dict[str, list[Any]]) -> None:
    found = await read_all(driver, list(range(len(tags))))
    shown = {
        tags[alias]: ["" if s.value is None else s.value, quality_of(s.code).name, reason_of(s.code)]
        for alias, s in found.items()
    }
    assert shown == expected
    assert {tag: type(value) for tag, (value, _, _) in shown.items()} == {
        t: type(v) for t, (v, _, _) in expected.items()
    }


def plc_of(contents: dict[str, Any]) -> Plc:
    plc = Plc(contents["unit"])
    for table in ("holding", "input"):
        for address, words in contents.get(table, {}).items():
            for i, word in enumerate(words.split()):
                plc.memory[table][int(address) + i] = int(word, 16)
    for place, bit in contents.get("bits", {}).items():
        table, address = place.split(":")
        plc.memory[table][int(address)] = int(bit)
    for place, code in contents.get("refused", {}).items():
        table, address = place.split(":")
        plc.refused[table, int(address)] = code
    return plc


@pytest.mark.parametrize("folder", folders("modbus"), ids=lambda folder: folder.name)
async def test_modbus(folder: Path, free_port: Callable[[], int]) -> None:
    contents, expected, config = (load(folder, name) for name in ("device", "expected", "config"))
    plc = plc_of(contents)
    rig = ModbusRig(free_port(), [plc])
    config["modbus"] |= {"host": "127.0.0.1", "port": rig.port}
    device = ModbusDevice.model_validate(config)
    driver = make_driver([NumberedDevice(device, range(len(device.tags)))])
    await rig.start()
    await driver.open()
    try:
        ops = driver.plan(range(len(device.tags)))
        for op in ops:
            await driver.read(op)
        plc.asked.clear()
        for op in ops:
            await driver.read(op)
        requests = [[table, address, count] for table, address, count in plc.asked]
        for wanted, got in zip(expected["requests"], requests, strict=True):
            if wanted[0] in ("coil", "discrete"):  # the server tells bits in whole words
                got[2] = wanted[2]
            assert got == wanted
        await assert_samples(driver, [tag.tag for tag in device.tags], expected["samples"])
    finally:
        await driver.close()
        await rig.stop()


@pytest.mark.parametrize("folder", folders("opcua"), ids=lambda folder: folder.name)
async def test_opcua(folder: Path, opcua: OpcuaServer) -> None:
    contents, expected, config = (load(folder, name) for name in ("device", "expected", "config"))
    nodes = []
    for item in contents["nodes"]:
        node_id = ua.NodeId.from_string(f"ns={opcua.index};{item['id']}")
        value = ua.Variant(item["value"], ua.VariantType[item["type"]])
        nodes.append(await opcua.server.nodes.objects.add_variable(node_id, item["id"], value))
        data = ua.DataValue(value, ua.StatusCode(item.get("status", 0)), datetime.now(UTC))
        await opcua.server.write_attribute_value(node_id, data)
    config["opcua"] = {"url": f"opc.tcp://127.0.0.1:{opcua.port}/plant"}
    device = OpcuaDevice.model_validate(config)
    driver = make_driver([NumberedDevice(device, range(len(device.tags)))])
    await driver.open()
    try:
        for _ in range(2):
            await assert_samples(driver, [tag.tag for tag in device.tags], expected["samples"])
    finally:
        await driver.close()
        await opcua.server.delete_nodes(nodes)
