"""Whatever goes wrong inside a driver, wherever: the next poll comes, it is counted, and the others do not notice."""

import asyncio
import contextlib
import struct
from collections import Counter
from itertools import product

import pytest
import structlog
from pymodbus.exceptions import ConnectionException, ModbusIOException

from edge_gateway.polling import poller
from protocols.registry import make_driver
from protocols.sample import Reason, bad
from tests.edge_gateway.gateway_parts import modbus_device, polling, until
from tests.edge_gateway.other_ends import Plc

ERRORS = [
    ModbusIOException("no response"),
    ConnectionException("refused"),
    OSError(104, "reset by peer"),
    EOFError(),
    TimeoutError("late"),
    struct.error("short"),
    IndexError(7),
    AttributeError("None has no transport"),
    AssertionError("cannot be"),
    ExceptionGroup("two at once", [ValueError(1), KeyError(2)]),
    asyncio.CancelledError("by a library"),
]
PERIOD_S = 0.05


class Faulty:
    """The real driver; its calls go wrong once each in the order of `troubles`, before their work or after it."""

    def __init__(self, driver, troubles: list[tuple[str, str, BaseException]]) -> None:
        self._driver = driver
        self._troubles = troubles

    def __getattr__(self, name):
        return getattr(self._driver, name)

    async def _call(self, call: str, *arguments):
        self._meet(call, "before")
        answer = await getattr(self._driver, call)(*arguments)
        self._meet(call, "after")
        return answer

    def _meet(self, call: str, when: str) -> None:
        if self._troubles and self._troubles[0][:2] == (call, when):
            raise self._troubles.pop(0)[2]

    async def open(self):
        return await self._call("open")

    async def read(self, op):
        return await self._call("read", op)

    async def close(self):
        return await self._call("close")


@pytest.fixture(autouse=True)
def told():
    """What the log hears; also spares the drawing of a hundred stack traces."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def troubles(monkeypatch):
    """What the driver of each device still meets."""
    found: dict[str, list[tuple[str, str, BaseException]]] = {}

    def make(devices, clock):
        return Faulty(make_driver(devices, clock), found.get(devices[0].device.name, []))

    monkeypatch.setattr(poller, "make_driver", make)
    return found


@contextlib.asynccontextmanager
async def plant(free_port, names):
    """A device with a server of its own under each name, read every 50 ms."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            modbus_device(name, (await stack.enter_async_context(Plc(free_port()))).port, {"x": PERIOD_S})
            for name in names
        ]


@pytest.mark.parametrize("call", ["open", "read", "close"])
async def test_each_error_at_each_await_costs_one_restart_and_polls_go_on(troubles, free_port, call):
    first = [("read", "before", RuntimeError("so that it is closed"))] if call == "close" else []
    for error, when in product(ERRORS, ("before", "after")):
        troubles[f"{type(error).__name__.lower()}-{when}"] = [*first, (call, when, error)]
    async with plant(free_port, [*troubles, "well"]) as devices, polling(devices) as parts:
        await until(lambda: not any(troubles.values()))
        samples = await parts.samples(20 * len(devices))
    good = Counter(machine for machine, _, _, code in samples if not code)
    assert all(good[device.name] >= 5 for device in devices), good
    # A time-out while connecting is no fault of the driver: the device is not there, and is tried again.
    spared = ("well", "timeouterror-before", "timeouterror-after") if call == "open" else ("well",)
    assert Counter(parts.restarts) == {device.endpoint: 1 for device in devices if device.name not in spared}


async def test_what_a_failing_driver_threw_away_is_marked(troubles, free_port):
    troubles["bad"] = [("read", "after", RuntimeError("bug"))]
    async with plant(free_port, ["bad"]) as devices, polling(devices) as parts:
        samples = await parts.samples(20)
    codes = [code for _, _, _, code in samples]
    assert codes[0] == bad(Reason.OVERRUN), "what was read and thrown away must not be a silent hole"
    assert parts.restarts == [devices[0].endpoint]
    assert codes.count(0) >= 15


async def test_a_driver_that_never_comes_back_is_given_up_and_started_anew(troubles, free_port, monkeypatch):
    monkeypatch.setattr(poller, "_CALL_MOST_S", 0.3)
    hanging = asyncio.Event()

    async def hang(self, op):
        hanging.set()
        monkeypatch.undo()
        monkeypatch.setattr(poller, "_CALL_MOST_S", 0.3)
        await asyncio.Event().wait()

    monkeypatch.setattr(Faulty, "read", hang)
    async with plant(free_port, ["bad", "well"]) as devices, polling(devices) as parts:
        await hanging.wait()
        await until(lambda: parts.restarts)
        samples = await parts.samples(40)
    assert len(parts.restarts) == 1
    assert Counter(machine for machine, _, _, code in samples if not code).keys() == {"bad", "well"}
