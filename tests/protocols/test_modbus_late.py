"""Late answers on a line without numbers (RTU): none is ever taken for the answer to a later question."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from protocols.modbus.driver import ModbusDriver
from protocols.modbus.owed import OwedAnswers
from protocols.sample import GOOD, Sample, reason_of
from tests.protocols.contract import read_all, until_good
from tests.protocols.modbus_rig import device, make
from tests.protocols.rtu_device import RtuDevice, rtu_device

TIMEOUT_S = 0.15
TAGS = [{"tag": f"t{i}", "address": f"holding:{i}", "type": "uint16"} for i in range(4)]


@pytest.fixture
async def late() -> AsyncIterator[RtuDevice]:
    async with rtu_device() as running:
        yield running


@pytest.fixture
async def driver(late: RtuDevice) -> AsyncIterator[ModbusDriver]:
    driver = make(device(late.port, TAGS, transport="rtu_over_tcp", timeout_s=TIMEOUT_S))
    await driver.open()
    yield driver
    await driver.close()


async def read(driver: ModbusDriver) -> Sample:
    return (await read_all(driver, list(range(4))))[0]


async def until_answered(driver: ModbusDriver, device: RtuDevice) -> int:
    """How many reads brought nothing before one did; every value that comes is checked."""
    empty = 0
    async with asyncio.timeout(10):
        while (sample := await read(driver)).code != GOOD:
            empty += 1
            await asyncio.sleep(0.02)
    assert sample.value == device.reads
    return empty


async def test_a_late_answer_is_no_answer(late: RtuDevice, driver: ModbusDriver) -> None:
    assert (await read(driver)).value == 1
    late.late_s = 2.5 * TIMEOUT_S
    assert reason_of((await read(driver)).code) == "timeout"
    late.late_s = 0
    assert await until_answered(driver, late) >= 1  # until its echo came
    assert late.asked_echoes >= 1
    for _ in range(5):
        assert (await read(driver)).value == late.reads


async def test_many_late_answers_of_every_delay(late: RtuDevice, driver: ModbusDriver) -> None:
    for step in range(8):
        late.late_s = TIMEOUT_S * (0.8 + 0.2 * step)
        sample = await read(driver)
        assert sample.code != GOOD or sample.value == late.reads
        late.late_s = 0
        await until_answered(driver, late)


async def test_a_device_that_ignores_echoes_is_believed_after_five_time_outs(
    late: RtuDevice, driver: ModbusDriver
) -> None:
    late.echoes = False
    late.late_s = 2.5 * TIMEOUT_S
    assert reason_of((await read(driver)).code) == "timeout"
    late.late_s = 0
    assert await until_answered(driver, late) >= 3


async def test_echoes_are_not_asked_for_ever(late: RtuDevice, driver: ModbusDriver) -> None:
    """After three debts that only time settled, time alone is trusted: the line is not kept waiting."""
    late.echoes = False
    for _ in range(4):
        late.silent = True
        assert reason_of((await read(driver)).code) == "timeout"
        late.silent = False
        asked = late.asked_echoes
        await until_answered(driver, late)
    assert late.asked_echoes == asked > 0


async def test_the_refusal_of_an_echo_from_before_the_question_settles_nothing() -> None:
    """A refusal has no number: of two echoes, both refused late, the second refusal comes behind the next question."""
    owed = OwedAnswers()
    owed.add(1, TIMEOUT_S)
    assert owed.ask_for_echo(1)
    assert owed.ask_for_echo(1)
    assert owed.refused_echo(1)
    owed.add(1, TIMEOUT_S)  # the question whose answer is late
    assert owed.ask_for_echo(1)
    assert not owed.refused_echo(1)
    assert owed.owes(1)
    assert owed.ask_for_echo(1)
    assert owed.refused_echo(1)
    assert not owed.owes(1)


async def test_an_answer_clears_what_was_asked_before_it() -> None:
    owed = OwedAnswers()
    owed.add(1, TIMEOUT_S)
    assert owed.ask_for_echo(1)  # lost
    owed.answered(1)
    owed.add(1, TIMEOUT_S)
    assert owed.ask_for_echo(1)
    assert owed.refused_echo(1)


async def test_pymodbus_is_fooled(late: RtuDevice) -> None:
    """The control: after one late answer it gives the answer before, for ever."""
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=late.port, framer=FramerType.RTU, timeout=TIMEOUT_S, retries=0, reconnect_delay=0
    )
    await client.connect()
    wrong = 0
    late.late_s = 1.5 * TIMEOUT_S
    for _ in range(10):
        try:
            answer = await client.read_holding_registers(0, count=4, device_id=1)
            wrong += answer.registers[0] != late.reads
        except Exception:  # noqa: BLE001 - a time-out, or a line that it lost
            await client.connect()
        late.late_s = 0
    client.close()
    assert wrong


async def test_what_two_say_at_once_is_not_believed(late: RtuDevice, driver: ModbusDriver) -> None:
    """Two frames without silence between them."""
    assert await until_good(driver, [0])
    late.doubled = True
    assert reason_of((await read(driver)).code) == "undecodable"
    late.doubled = False
    await until_answered(driver, late)
