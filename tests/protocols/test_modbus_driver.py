"""The Modbus driver against a real pymodbus server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from protocols.modbus.driver import ModbusDriver, ModbusRead
from protocols.sample import GOOD, Sample, reason_of, samples
from tests.protocols.contract import DriverContract, read_all, until_good
from tests.protocols.link import link_to
from tests.protocols.modbus_rig import FreePort, ModbusRig, Plc, device, fill, make, two_units


@pytest.fixture
async def rig(free_port: FreePort) -> AsyncIterator[ModbusRig]:
    rig = ModbusRig(free_port(), two_units())
    fill(rig)
    await rig.start()
    yield rig
    await rig.driver.close()
    await rig.stop()


class TestModbusContract(DriverContract):
    pass


async def cycle(driver: ModbusDriver, ops: list[ModbusRead]) -> dict[int, Sample]:
    found: dict[int, Sample] = {}
    for op in ops:
        for sample in samples(await driver.read(op), {i: str(i) for i in range(10_000)}):
            assert int(sample.tag) not in found
            found[int(sample.tag)] = sample
    return found


async def hundred(free_port: FreePort, **settings: object) -> ModbusRig:
    """A hundred uint16 in a row, each its own address."""
    plc = Plc(1)
    plc.put("holding", 0, "100H", *range(100))
    rig = ModbusRig(free_port(), [plc])
    tags = [{"tag": f"t{i}", "address": f"holding:{i}", "type": "uint16"} for i in range(100)]
    rig.driver = make(device(rig.port, tags, **settings))
    await rig.start()
    await rig.driver.open()
    return rig


@pytest.mark.parametrize("code", [2, 3])
async def test_refused_addresses_are_isolated_at_once_and_asked_rarely(free_port: FreePort, code: int) -> None:
    rig = await hundred(free_port)
    plc, driver = rig.plcs[0], rig.driver
    plc.refused |= {("holding", at): code for at in (0, 41, 42, 99)}
    ops = driver.plan(range(100))
    for _ in range(3):
        plc.asked.clear()
        found = await cycle(driver, ops)
        assert len(found) == 100
        for alias, sample in found.items():
            refused = ("holding", alias) in plc.refused
            assert (sample.value, reason_of(sample.code)) == (
                (None, f"exception_{code}") if refused else (alias, "none")
            )
    assert plc.asked == [("holding", 1, 40), ("holding", 43, 56)]  # what is left is read in the fewest blocks
    await driver.close()
    await rig.stop()


async def test_a_refused_address_that_begins_to_work_comes_back(
    free_port: FreePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocols.modbus.driver._RETRY_REFUSED_S", 0.05)
    rig = await hundred(free_port)
    plc, driver = rig.plcs[0], rig.driver
    plc.refused |= {("holding", 7): 2, ("holding", 8): 2}
    ops = driver.plan(range(100))
    assert (await cycle(driver, ops))[7].value is None
    del plc.refused["holding", 8]
    async with asyncio.timeout(5):
        while (found := await cycle(driver, ops))[8].value != 8:
            await asyncio.sleep(0.01)
    plc.refused.clear()
    async with asyncio.timeout(5):
        while (found := await cycle(driver, ops))[7].value != 7:
            await asyncio.sleep(0.01)
    assert all(sample.code == GOOD for sample in found.values())
    plc.asked.clear()
    await cycle(driver, ops)
    assert plc.asked == [("holding", 0, 100)]
    await driver.close()
    await rig.stop()


async def test_a_hole_nobody_declared(free_port: FreePort) -> None:
    """The gap between two tags is refused, the tags are not: they are read apart from then on."""
    plc = Plc(1)
    plc.put("holding", 0, "H", 5)
    plc.put("holding", 9, "H", 6)
    plc.refused["holding", 4] = 2
    rig = ModbusRig(free_port(), [plc])
    tags = [{"tag": f"t{at}", "address": f"holding:{at}", "type": "uint16"} for at in (0, 9)]
    driver = make(device(rig.port, tags))
    await rig.start()
    await driver.open()
    ops = list(driver.plan([0, 1]))
    for _ in range(2):
        plc.asked.clear()
        assert {alias: sample.value for alias, sample in (await cycle(driver, ops)).items()} == {0: 5, 1: 6}
    assert plc.asked == [("holding", 0, 1), ("holding", 9, 1)]
    await driver.close()
    await rig.stop()


async def test_everything_refused(free_port: FreePort) -> None:
    rig = await hundred(free_port)
    rig.plcs[0].refused |= {("holding", at): 2 for at in range(100)}
    ops = rig.driver.plan(range(100))
    for _ in range(2):
        rig.plcs[0].asked.clear()
        found = await cycle(rig.driver, ops)
        assert {reason_of(sample.code) for sample in found.values()} == {"exception_2"}
    assert rig.plcs[0].asked == []
    await rig.driver.close()
    await rig.stop()


async def test_other_exceptions_fail_the_block_and_are_asked_again(free_port: FreePort) -> None:
    rig = await hundred(free_port)
    plc = rig.plcs[0]
    ops = rig.driver.plan(range(100))
    plc.refused["holding", 50] = 6  # busy
    found = await cycle(rig.driver, ops)
    assert {reason_of(sample.code) for sample in found.values()} == {"exception_6"}
    plc.refused.clear()
    found = await cycle(rig.driver, ops)
    assert [found[i].value for i in range(100)] == list(range(100))
    await rig.driver.close()
    await rig.stop()


async def test_limits_of_the_device_are_kept(free_port: FreePort) -> None:
    rig = await hundred(free_port, max_registers=40, forbidden=[[200, 300]])
    await cycle(rig.driver, rig.driver.plan(range(100)))
    assert rig.plcs[0].asked == [("holding", 0, 40), ("holding", 40, 40), ("holding", 80, 20)]
    await rig.driver.close()
    await rig.stop()


async def test_a_cut_line_is_noticed_at_once_and_reopened(rig: ModbusRig) -> None:
    aliases = list(rig.values)
    async with link_to(rig.port) as link:
        driver = make(device(link.port, [{"tag": "a", "address": "holding:10", "type": "float32"}], timeout_s=5))
        await driver.open()
        assert (await read_all(driver, [0]))[0].value == 21.5
        link.silence()
        reading = asyncio.create_task(read_all(driver, [0]))
        await asyncio.sleep(0.05)
        link.cut()
        async with asyncio.timeout(1):  # not the five seconds of the time-out
            assert reason_of((await reading)[0].code) == "disconnected"
        assert reason_of((await read_all(driver, [0]))[0].code) == "disconnected"
        link.mend()
        assert (await until_good(driver, [0]))[0].value == 21.5
        assert link.lines == 1
        await driver.close()
    assert aliases


async def test_a_dead_endpoint_is_not_knocked_at_on_every_read(rig: ModbusRig) -> None:
    async with link_to(rig.port) as link:
        driver = make(device(link.port, [{"tag": "a", "address": "holding:10", "type": "float32"}]))
        await driver.open()
        link.cut()
        opened = link.opened
        for _ in range(200):
            assert reason_of((await read_all(driver, [0]))[0].code) == "disconnected"
        assert link.opened - opened <= 5
        await driver.close()


async def test_a_silent_peer_times_out_and_the_line_is_made_anew(rig: ModbusRig) -> None:
    async with link_to(rig.port) as link:
        driver = make(device(link.port, [{"tag": "a", "address": "holding:10", "type": "float32"}], timeout_s=0.1))
        await driver.open()
        link.silence()
        assert reason_of((await read_all(driver, [0]))[0].code) == "timeout"
        link.mend()
        assert (await until_good(driver, [0]))[0].value == 21.5
        assert (link.opened, link.lines) == (2, 1)
        await driver.close()


async def test_a_dead_unit_takes_little_from_the_others(free_port: FreePort) -> None:
    """Three of ten units on a line are silent, then one comes back."""
    timeout_s = 0.05
    plcs = [Plc(unit) for unit in range(1, 11)]
    for plc in plcs:
        plc.put("holding", 0, "H", 100 + plc.unit)
    rig = ModbusRig(free_port(), plcs)
    rig.silent = {1, 2, 3}
    tag = {"tag": "a", "address": "holding:0", "type": "uint16"}
    driver = make(*(device(rig.port, [tag], f"u{u}", unit=u, timeout_s=timeout_s) for u in range(1, 11)))
    await rig.start()
    await driver.open()
    ops = driver.plan(range(10))
    for _ in range(2):  # silence is known after two time-outs
        await cycle(driver, ops)
    clock = asyncio.get_running_loop().time
    began, rig.unanswered = clock(), 0
    for _ in range(40):
        found = await cycle(driver, ops)
        assert [found[i].value for i in range(10)] == [None, None, None, *range(104, 111)]
        assert {reason_of(found[i].code) for i in range(3)} == {"timeout"}
        await asyncio.sleep(0.01)
    assert 0 < rig.unanswered * timeout_s < 0.2 * (clock() - began)  # asked in each cycle they would take most of it
    rig.silent = {1, 3}
    async with asyncio.timeout(10):
        while (await cycle(driver, ops))[1].value != 102:
            await asyncio.sleep(0.01)
    await driver.close()
    await rig.stop()
