"""A recorder with a real spool on boxes whose clock is wrong, late, or set by somebody."""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from edge_gateway.catalog import number
from edge_gateway.clock.doubt import DOUBTED
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.clock.timeline import MADE_NS
from edge_gateway.intake import Intake
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.spool import Spool, open_spool
from edge_gateway.uplink.delivery import BatchKey, Delivery
from protocols.sample import GOOD
from protocols.wire import columnar
from runtime.clock import NS_PER_S, ClockState, ManualClock
from tests.edge_gateway.gateway_parts import floats, modbus_device, until

TRUE_NS = MADE_NS + 86_400 * NS_PER_S
DEVICE = modbus_device("pump-1", 502, {"pressure": 1.0})


@dataclass
class Box:
    """The box's own clocks, and the part of a gateway that stamps, keeps and hands over."""

    machine: ManualClock
    clock: GatewayClock
    state: list[ClockState]
    intake: Intake
    delivery: Delivery
    spool: Spool
    recorder: Recorder

    async def read(self, value: float) -> None:
        """A sample taken now."""
        await self.intake.put(floats([0], [value], [self.clock.now_ns()]))

    async def second(self) -> None:
        """Time passes, and the recorder looks at the clock."""
        self.machine.advance(1.0)
        turned_s = self.recorder.turned_s
        await until(lambda: self.recorder.turned_s > turned_s)


    async def told(self) -> list[tuple[float, int, int, ClockState]]:
        """Value, time, code and clock state of all that the uplink may send."""
        keys: list[BatchKey] = self.delivery.take(0.0, 1000)
        found = []
        for body in await self.spool.load(keys):
            assert body
            batch = columnar.decode(body)
            assert batch.header
            for column in batch.columns:
                rows = zip(column.value.tolist(), column.time_ns.tolist(), column.code.tolist(), strict=True)
                found += [(*row, batch.header.clock) for row in rows]
        return sorted(found)


@pytest.fixture
def box(tmp_path):
    @contextlib.asynccontextmanager
    async def start(wall_ns: int, state: ClockState, *, was_synced: bool = False):
        numbering, machine, states = number([DEVICE]), ManualClock(wall_ns), [state]
        clock = GatewayClock(machine, lambda: states[-1])
        clock.learn(0, was_synced=was_synced)
        intake, delivery = Intake(clock), Delivery()
        async with open_spool(SpoolSettings(path=tmp_path / "gw.spool"), numbering.catalog, clock) as spool:
            delivery.begin(spool.runs, 0.0)
            async with Recorder(spool, delivery, intake, numbering, clock) as recorder:
                task = asyncio.create_task(recorder.run())
                yield Box(machine, clock, states, intake, delivery, spool, recorder)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    return start


async def test_without_a_battery_samples_wait_on_disk_and_get_their_true_time(box):
    async with box(5 * NS_PER_S, ClockState.UNSYNCED) as here:
        begun_ns = here.machine.monotonic_ns()
        for value in range(3):
            await here.read(float(value))
            await here.second()
        assert here.delivery.open == 0
        passed_ns = here.machine.monotonic_ns() - begun_ns
        here.machine.step_wall((TRUE_NS + passed_ns - here.machine.now_ns()) / NS_PER_S)
        here.state.append(ClockState.SYNCED)
        await here.read(3.0)
        await here.second()
        await here.second()
        told = await here.told()
        assert [value for value, *_ in told] == [0, 1, 2, 3]
        for value, time_ns, code, state in told:
            assert abs(time_ns - (TRUE_NS + int(value) * NS_PER_S)) < 1_000_000, "the correction is off"
            assert (code, state) == (GOOD, ClockState.SYNCED)


async def test_a_box_that_nobody_ever_synchronised_delivers_at_once(box):
    async with box(TRUE_NS, ClockState.UNSYNCED) as here:
        await here.read(1.0)
        await here.second()
        await until(lambda: here.delivery.open)
        assert await here.told() == [(1.0, TRUE_NS, GOOD, ClockState.UNSYNCED)]


async def test_waiting_for_time_synchronisation_has_an_end_and_leaves_a_mark(box):
    async with box(TRUE_NS, ClockState.UNSYNCED, was_synced=True) as here:
        await here.read(1.0)
        await here.second()
        await here.second()
        assert here.delivery.open == 0
        here.machine.advance(120)
        await until(lambda: here.delivery.open)
        assert await here.told() == [(1.0, TRUE_NS, DOUBTED, ClockState.UNSYNCED)]


@pytest.mark.parametrize("step_s", [3600, -3600, 4 * 365 * 86_400, -4 * 365 * 86_400])
async def test_a_clock_that_somebody_sets_is_not_believed_until_it_is_vouched_for(box, step_s):
    async with box(TRUE_NS, ClockState.SYNCED) as here:
        await here.read(0.0)
        await here.second()
        here.machine.step_wall(step_s)
        here.state.append(ClockState.UNSYNCED)
        await here.second()
        await here.read(1.0)
        await here.second()
        here.machine.step_wall(-step_s)
        here.state.append(ClockState.SYNCED)
        await here.second()
        await here.read(2.0)
        await here.second()
        await until(lambda: here.delivery.open >= 3)
        told = await here.told()
        assert [code for _, _, code, _ in told] == [GOOD, DOUBTED, GOOD]
        times = [time_ns for _, time_ns, _, _ in told]
        assert times == sorted(times)
        assert times[-1] - times[0] < 10 * NS_PER_S


async def test_a_step_that_is_vouched_for_is_taken_over(box):
    async with box(TRUE_NS, ClockState.SYNCED) as here:
        await here.read(0.0)
        await here.second()
        here.machine.step_wall(3600)
        await here.second()
        await here.read(1.0)
        await here.second()
        await until(lambda: here.delivery.open >= 2)
        (_, first_ns, *_), (_, second_ns, code, _) = await here.told()
        assert 3600 * NS_PER_S < second_ns - first_ns < 3610 * NS_PER_S
        assert code == GOOD
