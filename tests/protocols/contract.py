"""What every field driver promises, run against a real server: one suite for all protocols.

A test module of a protocol subclasses `DriverContract` and gives a `rig`.
"""

import asyncio
from collections import Counter
from typing import Protocol

import pytest

from protocols import DeviceUnavailable
from protocols.driver import Driver
from protocols.sample import GOOD, Quality, Sample, quality_of, reason_of, samples

WAIT_S = 15.0
LOST = {"timeout", "disconnected"}


class Rig(Protocol):
    """A real device with some tags, and what it must answer."""

    driver: Driver
    values: dict[int, float | int | bool | str]  # what each right alias reads as
    wrong: set[int]  # aliases the device does not know
    wrong_reason: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def connections(self) -> int:
        """How many connections (or sessions) the device holds now."""
        ...


async def read_all(driver: Driver, aliases: list[int]) -> dict[int, Sample]:
    """Every alias once, or the test fails."""
    found: dict[int, Sample] = {}
    for op in driver.plan(aliases):
        columns = await driver.read(op)
        assert sum(len(column) for column in columns) == op.tag_count
        for sample in samples(columns, {alias: str(alias) for alias in aliases}):
            assert int(sample.tag) not in found, f"{sample.tag} came twice"
            found[int(sample.tag)] = sample
    assert sorted(found) == sorted(aliases)
    return found


async def until_good(driver: Driver, aliases: list[int]) -> dict[int, Sample]:
    """Read until all are good; bounded."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await read_all(driver, aliases)
            if all(sample.code == GOOD for sample in found.values()):
                return found
            await asyncio.sleep(0.02)


class DriverContract:
    """The promises."""

    async def test_opening_an_absent_device(self, rig: Rig) -> None:
        await rig.stop()
        with pytest.raises(DeviceUnavailable, match="check"):
            await rig.driver.open()

    async def test_reading_before_opening(self, rig: Rig) -> None:
        found = await read_all(rig.driver, list(rig.values))
        assert {reason_of(sample.code) for sample in found.values()} == {"disconnected"}
        assert rig.connections() == 0
        assert rig.driver.last_good_monotonic_ns() == 0

    async def test_values_are_exact(self, rig: Rig) -> None:
        await rig.driver.open()
        found = await read_all(rig.driver, list(rig.values))
        assert {alias: (sample.value, sample.code) for alias, sample in found.items()} == {
            alias: (value, GOOD) for alias, value in rig.values.items()
        }
        for alias, value in rig.values.items():
            assert type(found[alias].value) is type(value)

    async def test_a_plan_brings_what_was_asked_for(self, rig: Rig) -> None:
        await rig.driver.open()
        some = list(rig.values)[1::2]
        assert set(await read_all(rig.driver, some)) == set(some)
        assert list(rig.driver.plan([])) == []

    async def test_wrong_tags_cost_nobody_else(self, rig: Rig) -> None:
        await rig.driver.open()
        aliases = [*rig.values, *rig.wrong]
        ops = rig.driver.plan(aliases)
        for _cycle in range(3):
            reasons: Counter[str] = Counter()
            for op in ops:
                for sample in samples(await rig.driver.read(op), dict.fromkeys(aliases, "")):
                    assert (sample.value is None) == (quality_of(sample.code) is Quality.BAD)
                    reasons[reason_of(sample.code)] += 1
            assert reasons == {"none": len(rig.values), rig.wrong_reason: len(rig.wrong)}

    async def test_a_device_that_goes_and_comes_back(self, rig: Rig) -> None:
        aliases = list(rig.values)
        await rig.driver.open()
        await read_all(rig.driver, aliases)
        await rig.stop()
        for _ in range(3):
            found = await read_all(rig.driver, aliases)
            assert {reason_of(sample.code) for sample in found.values()} <= LOST
            assert all(sample.value is None for sample in found.values())
        await rig.start()
        found = await until_good(rig.driver, aliases)
        assert {alias: sample.value for alias, sample in found.items()} == rig.values

    async def test_liveness_is_data_not_transport(self, rig: Rig) -> None:
        await rig.driver.open()
        assert rig.driver.last_good_monotonic_ns() == 0
        await read_all(rig.driver, list(rig.wrong))
        assert rig.driver.last_good_monotonic_ns() == 0
        await read_all(rig.driver, list(rig.values))
        alive_ns = rig.driver.last_good_monotonic_ns()
        assert alive_ns > 0
        await rig.stop()
        await read_all(rig.driver, list(rig.values))
        assert rig.driver.last_good_monotonic_ns() == alive_ns

    async def test_reads_at_once_stay_apart(self, rig: Rig) -> None:
        await rig.driver.open()
        many = await asyncio.gather(*(read_all(rig.driver, list(rig.values)) for _ in range(8)))
        assert all({a: s.value for a, s in found.items()} == rig.values for found in many)
        assert rig.connections() == 1

    async def test_opening_twice_and_closing_twice(self, rig: Rig) -> None:
        await rig.driver.open()
        await rig.driver.open()
        assert rig.connections() == 1
        await rig.driver.close()
        await rig.driver.close()
        async with asyncio.timeout(WAIT_S):
            while rig.connections():
                await asyncio.sleep(0.01)
        found = await read_all(rig.driver, list(rig.values))
        assert {reason_of(sample.code) for sample in found.values()} == {"disconnected"}
        assert rig.connections() == 0
        await rig.driver.open()
        await until_good(rig.driver, list(rig.values))

    async def test_cancelled_at_any_await(self, rig: Rig) -> None:
        """After k turns of the event loop, for every k until reading is done without being cancelled."""
        aliases = list(rig.values)
        for turns in range(200):
            task = asyncio.create_task(self._open_and_read(rig.driver, aliases))
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                await task
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            if turns % 7 == 0:
                await rig.driver.open()
                assert {a: s.value for a, s in (await until_good(rig.driver, aliases)).items()} == rig.values
                await rig.driver.close()
        await rig.driver.open()
        await until_good(rig.driver, aliases)
        async with asyncio.timeout(WAIT_S):
            while rig.connections() != 1:
                await asyncio.sleep(0.01)

    async def _open_and_read(self, driver: Driver, aliases: list[int]) -> None:
        await driver.open()
        await read_all(driver, aliases)
