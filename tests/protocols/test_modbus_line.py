"""How a line with many units is shared: dead units, exceptions of a gateway box, rests, hanging up.

Time here is that of tests/fuzz/virtual_time.py: the driver's own timers, but nobody waits for them.
"""

import asyncio
import statistics
import struct
from collections import Counter
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest

from protocols.device import NumberedDevice
from protocols.modbus.driver import ModbusDriver, ModbusRead
from protocols.modbus.settings import ModbusDevice
from protocols.sample import GOOD, Columns, reason_of
from tests.fuzz.virtual_time import Memory, VirtualClock, VirtualLoop

ANSWER_S = 0.02
TIMEOUT_S = 1.0


class Box:
    """A gateway box with units behind it, each holding its own number in every register."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.dead: set[int] = set()
        self.exceptions: dict[int, tuple[float, int]] = {}  # unit -> after how long, which
        self.refused: set[tuple[int, int]] = set()
        self.asked_at_s: list[tuple[int, float]] = []
        self.connections = 0
        self.line: Memory | None = None

    def connected(self, transport: Memory) -> None:
        self.line = transport
        self.connections += 1

    def asked(self, data: bytes) -> None:
        number, unit, function, address, count = struct.unpack(">H4xBBHH", data)
        self.asked_at_s.append((unit, self._loop.time()))
        pause_s, code = self.exceptions.get(unit, (ANSWER_S, 0))
        if any((unit, at) in self.refused for at in range(address, address + count)):
            code = 2
        if code:
            pdu = bytes([function | 0x80, code])
        else:
            pdu = struct.pack(f">BB{count}H", function, 2 * count, *[unit] * count)
        if unit not in self.dead:
            self._loop.call_later(pause_s, self._answer, struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu)

    def _answer(self, frame: bytes) -> None:
        if self.line:
            self.line.deliver(frame)


class Plant:
    """The box, and the driver of `units` devices with ten tags each."""

    def __init__(self, units: int, **line: Any) -> None:
        self.loop = VirtualLoop()
        self.loop.device = self.box = Box(self.loop)
        devices = []
        for unit in range(1, units + 1):
            tags = [{"tag": f"t{i}", "address": f"holding:{i}", "type": "uint16"} for i in range(10)]
            modbus = {"host": "box", "unit": unit, "timeout_s": TIMEOUT_S, **line}
            settings = {"name": f"u{unit}", "protocol": "modbus", "modbus": modbus, "tags": tags}
            device = ModbusDevice.model_validate(settings)
            devices.append(NumberedDevice(device, range(10 * unit, 10 * unit + 10)))
        self.driver = ModbusDriver(devices, VirtualClock(self.loop))
        self.ops = self.driver.plan(range(10, 10 * units + 10))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def opened() -> Any:
            await self.driver.open()
            try:
                return await work
            finally:
                await self.driver.close()

        try:
            return self.loop.run_until_complete(opened())
        finally:
            self.loop.close()

    async def cycle(self) -> dict[int, Columns]:
        """Each unit once."""
        return {op.request.unit: await self.driver.read(op) for op in self.ops}


def why(columns: Columns) -> str:
    (reason,) = {reason_of(int(code)) for column in columns for code in column.code}
    return reason


async def healthy_periods_s(plant: Plant, period_s: float) -> list[float]:
    """How long it is from one question to the next of the last unit, polled every `period_s` or as fast as it goes."""
    for _ in range(3):  # who is dead is learned in two
        await plant.cycle()
    plant.box.asked_at_s.clear()
    due_s = plant.loop.time()
    for _ in range(150):
        found = await plant.cycle()
        assert all((why(columns) == "none") == (unit not in plant.box.dead) for unit, columns in found.items())
        due_s = max(due_s + period_s, plant.loop.time())
        await asyncio.sleep(due_s - plant.loop.time())
    times_s = [at_s for unit, at_s in plant.box.asked_at_s if unit == len(plant.ops)]
    return [b - a for a, b in pairwise(times_s)]


def with_dead(dead: int, period_s: float) -> list[float]:
    plant = Plant(30)
    plant.box.dead = set(range(1, 3 * dead + 1, 3))
    return plant.run(healthy_periods_s(plant, period_s))


@pytest.mark.parametrize("period_s", [0.0, 1.0], ids=["as fast as it goes", "every second"])
@pytest.mark.parametrize("dead", [1, 5, 10])
def test_dead_units_do_not_slow_the_others(dead: int, period_s: float) -> None:
    with_, without = with_dead(dead, period_s), with_dead(0, period_s)
    assert statistics.mean(with_) <= 1.2 * statistics.mean(without)
    assert max(with_) <= max(without) + TIMEOUT_S + 0.01  # never two of the dead in one round


def test_without_the_breaker_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("protocols.modbus.silence._REST", 0)
    assert statistics.mean(with_dead(10, 1.0)) > 5 * statistics.mean(with_dead(0, 1.0))


def test_one_that_returns_brings_all_others_their_chance() -> None:
    plant = Plant(30)

    async def poll() -> float:
        plant.box.dead = set(range(1, 11))
        while plant.loop.time() < 60:
            await plant.cycle()
            await asyncio.sleep(0.5)
        plant.box.dead = set()
        mended_s = plant.loop.time()
        while any(why(columns) != "none" for columns in (await plant.cycle()).values()):
            await asyncio.sleep(0.1)
        return plant.loop.time() - mended_s

    assert plant.run(poll()) < 12  # every ten seconds one of the ten is tried


def test_a_lossy_unit_does_not_wake_the_dead() -> None:
    """One that loses every tenth answer must not have all dead ones asked each time it comes back."""
    plant = Plant(10)
    answered: Counter[int] = Counter()

    async def poll() -> None:
        plant.box.dead = {1, 2, 3, 4}
        turn = 0
        while plant.loop.time() < 300:
            turn += 1
            plant.box.dead = {1, 2, 3, 4} | ({9} if turn % 10 == 0 else set())
            for unit, columns in (await plant.cycle()).items():
                answered[unit] += why(columns) == "none"
            await asyncio.sleep(0.5)

    plant.run(poll())
    waited_s = TIMEOUT_S * sum(unit <= 4 for unit, _ in plant.box.asked_at_s)
    assert waited_s < 0.15 * 300
    assert answered[10] > 300


@pytest.mark.parametrize("code", [10, 11])
def test_a_unit_that_the_box_calls_silent_is_silent(code: int) -> None:
    plant = Plant(3)
    plant.box.exceptions[2] = 0.8, code

    async def poll() -> int:
        for _ in range(2):
            await plant.cycle()
        plant.box.asked_at_s.clear()
        for _ in range(100):
            found = await plant.cycle()
            assert [why(found[unit]) for unit in (1, 2, 3)] == ["none", f"exception_{code}", "none"]
        return sum(unit == 2 for unit, _ in plant.box.asked_at_s)

    assert plant.run(poll()) <= 1


@pytest.mark.parametrize("code", [1, 4, 5, 6])
def test_a_unit_that_refuses_is_not_silent(code: int) -> None:
    plant = Plant(3)
    plant.box.exceptions[2] = ANSWER_S, code

    async def poll() -> None:
        for _ in range(10):
            assert why((await plant.cycle())[2]) == f"exception_{code}"

    plant.run(poll())
    assert sum(unit == 2 for unit, _ in plant.box.asked_at_s) == 10


def test_a_refused_address_costs_no_other_tag_anything() -> None:
    """Isolated in the first cycle, and in that one too every other tag comes."""
    plant = Plant(3)
    plant.box.refused = {(2, 4)}

    async def poll() -> None:
        for _ in range(50):
            for unit, columns in (await plant.cycle()).items():
                codes = {int(a): int(c) for column in columns for a, c in zip(column.alias, column.code, strict=True)}
                bad = {24} if unit == 2 else set()
                assert {alias for alias, code in codes.items() if code != GOOD} == bad
                assert len(codes) == 10
            await asyncio.sleep(1)

    plant.run(poll())
    requests = Counter(unit for unit, _ in plant.box.asked_at_s)
    assert requests[1] == 50
    assert requests[2] <= 50 * 2 + 20  # two blocks around it, the halving at first, and a question now and then


def test_a_rest_before_each_question() -> None:
    plant = Plant(2, pause_s=0.05)

    async def poll() -> None:
        for _ in range(5):
            await plant.cycle()

    plant.run(poll())
    times_s = [at_s for _, at_s in plant.box.asked_at_s]
    assert min(b - a for a, b in pairwise(times_s)) >= ANSWER_S + 0.05 - 1e-6


def test_hanging_up_when_idle() -> None:
    """For a device that serves one client: connected for the poll, free for others between."""
    plant = Plant(3, hang_up_idle_s=0.2)

    async def poll() -> list[bool]:
        open_ = []
        for _ in range(4):
            assert all(why(columns) == "none" for columns in (await plant.cycle()).values())
            assert plant.box.line
            open_.append(plant.box.line.open)
            await asyncio.sleep(0.19)
            open_.append(plant.box.line.open)
            await asyncio.sleep(0.81)
            open_.append(plant.box.line.open)
        return open_

    assert plant.run(poll()) == [True, True, False] * 4
    assert plant.box.connections == 4


def test_reading_is_planned_per_unit() -> None:
    assert all(isinstance(op, ModbusRead) and op.tag_count == 10 for op in Plant(4).ops)
