"""A real Modbus server with a chain of SunSpec models: found, written as a table, read by the driver."""

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.device import NumberedDevice
from protocols.modbus.driver import ModbusDriver
from protocols.modbus.settings import ModbusDevice
from protocols.modbus.sunspec import parse
from protocols.modbus.sunspec_chain import NoSunspecDevice, found_models, tags_of_chain
from protocols.modbus.sunspec_tags import FIELDS
from protocols.point_table import write_table
from protocols.sample import Reason, bad, samples

MARKER = struct.unpack(">2H", b"SunS")
INVERTER = """{"id": 103, "group": {"name": "inverter", "points": [
  {"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
  {"name": "W", "type": "int16", "size": 1, "sf": "W_SF", "units": "W"},
  {"name": "W_SF", "type": "sunssf", "size": 1}, {"name": "WH", "type": "acc32", "size": 2, "units": "Wh"},
  {"name": "Hz", "type": "uint16", "size": 1}, {"name": "New", "type": "uint16", "size": 1}]}}"""
TRACKERS = """{"id": 160, "group": {"name": "mppt", "points": [
  {"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
  {"name": "DCA_SF", "type": "sunssf", "size": 1}], "groups": [{"name": "module", "count": 0, "points": [
  {"name": "Id", "type": "uint16", "size": 1}, {"name": "DCA", "type": "uint16", "size": 1, "sf": "DCA_SF"}]}]}}"""
# An older edition of the inverter (no New), two trackers with two and seventy modules, one model nobody knows.
CHAIN = [
    *MARKER,
    *(103, 5, 12345, 0xFFFF, 1, 2, 0xFFFF),
    *(160, 5, 0xFFFE, 1, 100, 2, 200),
    *(64001, 1, 7),
    *(160, 141, 0, *(3, 30) * 70),
    0xFFFF,
]


@asynccontextmanager
async def serving(port: int, base: int, registers: list[int]) -> AsyncIterator[None]:
    """Only these registers exist: anything else is refused."""
    data = SimData(base, values=list(registers), datatype=DataType.REGISTERS)
    server = ModbusTcpServer([SimDevice(id=1, simdata=[data])], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


@pytest.mark.parametrize("base", [40_000, 50_000, 0])
async def test_the_chain_is_found_wherever_it_begins(free_port: Callable[[], int], base: int) -> None:
    port = free_port()
    async with serving(port, base, CHAIN):
        found = await found_models(f"modbus://127.0.0.1:{port}/1")
    assert [(model.id, model.address - base) for model in found] == [(103, 2), (160, 9), (64001, 16), (160, 19)]
    assert [len(model.registers) for model in found] == [7, 7, 3, 143]
    assert found[0].registers == tuple(CHAIN[2:9])


async def test_the_table_of_a_chain_reads_the_device(free_port: Callable[[], int], tmp_path: Path) -> None:
    port = free_port()
    known = {model.id: model for model in map(parse, (INVERTER, TRACKERS))}
    async with serving(port, 40_000, CHAIN):
        made = tags_of_chain(await found_models(f"modbus://127.0.0.1:{port}/1"), known)
        write_table(tmp_path / "inverter.csv", made.rows, FIELDS)
        settings = {"host": "127.0.0.1", "port": port}
        device = ModbusDevice.model_validate(
            {"name": "pv", "protocol": "modbus", "modbus": settings, "points": str(tmp_path / "inverter.csv")}
        )
        values = await read_all(device)
    assert [name for name in values if "m103" in name] == ["m103.w", "m103.wh", "m103.hz"], "New is not in this edition"
    assert values["m103.w"] == 1234.5
    assert values["m103.wh"] == 65538
    assert values["m103.hz"] == bad(Reason.DEVICE_REPORTED), "0xFFFF is no frequency"
    assert (values["m160.module_2.dca"], values["m160_2.module_1.dca"]) == (2.0, 30)
    assert len([name for name in values if name.startswith("m160_2.") and name.endswith("dca")]) == 62
    assert made.left_out[0] == "model 64001 at 40016 left out: no model_64001.json"
    assert len(made.left_out) == 1 + 8, "modules too far from their scale factor are told"


async def read_all(device: ModbusDevice) -> dict[str, object]:
    """Value of each tag, or why there is none."""
    driver = ModbusDriver([NumberedDevice(device, range(len(device.tags)))])
    await driver.open()
    names = dict(enumerate(tag.tag for tag in device.tags))
    try:
        read = [await driver.read(op) for op in driver.plan(range(len(names)))]
    finally:
        await driver.close()
    return {
        sample.tag: sample.code if sample.value is None else sample.value
        for columns in read
        for sample in samples(columns, names)
    }


async def test_devices_without_a_chain_are_explained(free_port: Callable[[], int]) -> None:
    port = free_port()
    url = f"modbus://127.0.0.1:{port}/1"
    with pytest.raises(NoSunspecDevice, match=rf"{url}: 127\.0\.0\.1:{port} "):
        await found_models(url)
    async with serving(port, 40_000, [0] * 20):
        with pytest.raises(NoSunspecDevice, match="no SunSpec marker at 40000, 50000, 0"):
            await found_models(url)
    async with serving(port, 40_000, [*MARKER, 103, 0, 0]):
        with pytest.raises(NoSunspecDevice, match="the chain of models is broken at 40002"):
            await found_models(url)


@pytest.mark.parametrize("url", ["tcp://h/1", "modbus://h/256", "modbus:///1", "modbus://h/1/2"])
async def test_urls_that_are_not_understood(url: str) -> None:
    with pytest.raises(NoSunspecDevice, match="is not understood; write modbus://<host>:<port>/<unit>"):
        await found_models(url)
