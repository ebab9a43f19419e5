"""A device is read only when it is the one that is meant."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from protocols.sample import GOOD, reason_of
from tests.protocols.contract import read_all, until_good
from tests.protocols.link import link_to
from tests.protocols.modbus_rig import FreePort, ModbusRig, Plc, device, make

SERIAL_NUMBER = {"address": "input:8", "type": "uint32", "equals": 70_001}
TAGS = [{"tag": "a", "address": "holding:0", "type": "uint16"}, {"tag": "b", "address": "coil:3", "type": "bool"}]


@pytest.fixture
async def rig(free_port: FreePort) -> AsyncIterator[ModbusRig]:
    one, two = Plc(1), Plc(2)
    for plc in (one, two):
        plc.put("input", 8, "I", 70_000 + plc.unit)
        plc.put("holding", 0, "H", 5)
    rig = ModbusRig(free_port(), [one, two])
    await rig.start()
    yield rig
    await rig.stop()


async def test_the_right_device_is_asked_once_per_connection(rig: ModbusRig) -> None:
    async with link_to(rig.port) as link:
        driver = make(device(link.port, TAGS, identity=SERIAL_NUMBER))
        await driver.open()
        for _ in range(5):
            assert {s.code for s in (await read_all(driver, [0, 1])).values()} == {GOOD}
        assert rig.plcs[0].asked.count(("input", 8, 2)) == 1
        link.cut()
        await read_all(driver, [0])
        link.mend()
        await until_good(driver, [0, 1])
        assert rig.plcs[0].asked.count(("input", 8, 2)) == 2
        await driver.close()


async def test_another_device_gives_no_values_and_is_told_once(rig: ModbusRig) -> None:
    plc = rig.plcs[0]
    plc.put("input", 8, "I", 12)
    driver = make(device(rig.port, TAGS, identity=SERIAL_NUMBER), device(rig.port, TAGS, "other", unit=2))
    await driver.open()
    with capture_logs() as logs:
        for _ in range(4):
            found = await read_all(driver, [0, 1, 2, 3])
            assert [reason_of(found[alias].code) for alias in range(4)] == ["wrong_device"] * 2 + ["none"] * 2
            assert found[0].value is None
    assert ("holding", 0, 1) not in plc.asked
    (told,) = logs
    assert (told["device"], told["found"], told["expected"], told["log_level"]) == ("plc", 12, 70_001, "warning")
    plc.put("input", 8, "I", 70_001)
    with capture_logs() as logs:
        await until_good(driver, [0, 1])
    assert [entry["event"] for entry in logs] == ["the expected device answers again"]
    await driver.close()


async def test_a_device_without_that_register_is_another_one(rig: ModbusRig) -> None:
    rig.plcs[0].refused["input", 8] = 2
    driver = make(device(rig.port, TAGS, identity=SERIAL_NUMBER))
    await driver.open()
    found = await read_all(driver, [0, 1])
    assert {reason_of(sample.code) for sample in found.values()} == {"wrong_device"}
    await driver.close()


async def test_a_silent_device_is_silent_not_wrong(rig: ModbusRig) -> None:
    rig.silent = {1}
    driver = make(device(rig.port, TAGS, identity=SERIAL_NUMBER, timeout_s=0.1))
    await driver.open()
    assert {reason_of(s.code) for s in (await read_all(driver, [0, 1])).values()} == {"timeout"}
    rig.silent = set()
    await until_good(driver, [0, 1])
    await driver.close()


async def test_a_device_that_was_silent_must_show_itself_again(rig: ModbusRig) -> None:
    driver = make(device(rig.port, TAGS, identity=SERIAL_NUMBER, timeout_s=0.1))
    await driver.open()
    await until_good(driver, [0, 1])
    rig.silent = {1}
    await read_all(driver, [0])
    rig.plcs[0].put("input", 8, "I", 1)  # somebody swapped the boxes
    rig.silent = set()
    found = await read_all(driver, [0, 1])
    assert {reason_of(sample.code) for sample in found.values()} == {"wrong_device"}
    await driver.close()


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"address": "inputs:8", "equals": 1}, "address 'inputs:8' is not understood"),
        ({"address": "input:8", "equals": "E-17"}, "a uint16 never equals 'E-17'"),
        ({"address": "input:8", "equals": True}, "a uint16 never equals True"),
        ({"address": "input:8", "type": "string:4", "equals": 7}, "a string:4 never equals 7"),
        ({"address": "input:8"}, "equals"),
    ],
)
def test_an_identity_that_can_never_be_is_refused(identity: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        device(502, TAGS, identity=identity)


@pytest.mark.parametrize(
    ("type_", "layout", "equals"), [("float32", "f", 2.5), ("float32", "f", 2), ("string:2", "4s", "E-17")]
)
async def test_other_types(rig: ModbusRig, type_: str, layout: str, equals: Any) -> None:
    rig.plcs[0].put("input", 8, layout, equals.encode() if isinstance(equals, str) else equals)
    driver = make(device(rig.port, TAGS, identity={"address": "input:8", "type": type_, "equals": equals}))
    await driver.open()
    await until_good(driver, [0, 1])
    await driver.close()
