"""Late, mismatched, truncated and garbled answers: not one of them may become a good value."""

import asyncio
import random

import pytest
from pymodbus.client import AsyncModbusTcpClient

from protocols.modbus.driver import ModbusDriver
from protocols.sample import GOOD, Sample, reason_of, samples
from tests.protocols.evil_modbus import BEHAVIOURS, evil_server
from tests.protocols.modbus_rig import device, make

ADDRESS, COUNT = 500, 6
RIGHT = {"right", "right in pieces", "twice", "twice without number", "the last one first"}


def driver_for(port: int) -> ModbusDriver:
    tags = [{"tag": f"t{i}", "address": f"holding:{ADDRESS + i}", "type": "uint16"} for i in range(COUNT)]
    return make(device(port, tags, timeout_s=0.04))


async def read(driver: ModbusDriver) -> dict[int, Sample]:
    (op,) = driver.plan(range(COUNT))
    return {int(s.tag): s for s in samples(await driver.read(op), {i: str(i) for i in range(COUNT)})}


@pytest.mark.parametrize("what", BEHAVIOURS)
async def test_one_bad_answer_between_good_ones(what: str) -> None:
    script = ["right", "right", what]
    async with evil_server(lambda: script.pop(0) if script else "right") as evil:
        driver = driver_for(evil.port)
        await driver.open()
        for _ in range(2):
            assert (await read(driver))[0].value == evil.requests
        odd = await read(driver)
        if what in RIGHT:
            assert {sample.code for sample in odd.values()} == {GOOD}
            assert odd[0].value == evil.requests
        else:
            assert GOOD not in {sample.code for sample in odd.values()}, odd
        async with asyncio.timeout(5):
            while (found := await read(driver))[0].code != GOOD:
                await asyncio.sleep(0.01)
        for _ in range(3):
            found = await read(driver)
            assert [found[i].value for i in range(COUNT)] == [evil.requests, *range(ADDRESS + 1, ADDRESS + COUNT)]
        await driver.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_storm_of_bad_answers(seed: int) -> None:
    """Any behaviour after any other; half of the answers are right, and those are the only values that come."""
    dice = random.Random(seed)
    async with evil_server(lambda: "right" if dice.random() < 0.5 else dice.choice(BEHAVIOURS)) as evil:
        driver = driver_for(evil.port)
        await driver.open()
        good = 0
        for _ in range(300):
            before = evil.requests
            found = await read(driver)
            codes = {sample.code for sample in found.values()}
            assert len(codes) == 1
            if codes == {GOOD}:
                assert evil.requests == before + 1
                assert [found[i].value for i in range(COUNT)] == [evil.requests, *range(ADDRESS + 1, ADDRESS + COUNT)]
                good += 1
            elif reason_of(found[0].code) == "disconnected":
                await asyncio.sleep(0.005)
        assert good > 30
        assert len(evil.done) > 20
        await driver.close()


async def test_a_naive_client_is_fooled() -> None:
    """The control: the same server gets wrong values past a client that checks nothing itself."""
    script = ["right", "twice without number"]
    async with evil_server(lambda: script.pop(0) if script else "silent") as evil:
        client = AsyncModbusTcpClient("127.0.0.1", port=evil.port, timeout=0.3, retries=0, reconnect_delay=0)
        await client.connect()
        for number in (1, 2):
            answer = await client.read_holding_registers(ADDRESS, count=COUNT, device_id=1)
            assert answer.registers[0] == number
        script.append("no number")
        answer = await client.read_holding_registers(ADDRESS, count=COUNT + 1, device_id=1)
        assert answer.registers[0] == 3
        script.append("one register less")
        answer = await client.read_holding_registers(ADDRESS, count=COUNT, device_id=1)
        assert len(answer.registers) == COUNT - 1
        client.close()
