"""A small plant for the edge node, without disk and wire: two machines, and sessions as a tap would see them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np

from edge_gateway.catalog import number
from edge_gateway.sparkplug.node import Message, Node
from edge_gateway.sparkplug.outlet import figures
from edge_gateway.uplink.delivery import BatchKey
from protocols.sample import DTYPE_OF, Column, Columns, ValueKind
from protocols.sparkplug.topics import EdgeNode
from runtime.clock import NS_PER_S, ClockState, ManualClock
from tests.edge_gateway.gateway_parts import modbus_device
from tests.sparkplug.edge_session import Connect, Said, Session

NAME = EdgeNode("demo", "gw-1")
DEVICES = (modbus_device("press-1", 5020, {"a": 1.0, "b": 1.0}), modbus_device("pump-2", 5021, {"a": 1.0}))
NUMBERING = number(DEVICES)  # press-1/a = 0, press-1/b = 1, pump-2/a = 2
PRESS_A, PRESS_B, PUMP_A = range(3)
RUN = UUID(int=9)
FIGURES = figures(ClockState.SYNCED, 0)


def key(seq: int, run: UUID = RUN) -> BatchKey:
    return BatchKey(run, seq)


def node(clock: ManualClock) -> Node:
    return Node(NAME, NUMBERING, FIGURES, clock)


def columns(*samples: tuple[int, int, float, int], kind: ValueKind = ValueKind.FLOAT) -> Columns:
    """Of (alias, time_ns, value, code)."""
    alias, time_ns, value, code = zip(*samples, strict=True)
    return (
        Column(
            kind,
            np.array(alias, np.uint32),
            np.array(time_ns, np.int64),
            np.array(value, DTYPE_OF[kind]),
            np.array(code, np.uint16),
        ),
    )


def reads(clock: ManualClock, *values: float, code: int = 0) -> Columns:
    """One read of every tag, now."""
    return columns(*((alias, clock.now_ns(), value, code) for alias, value in enumerate(values)))


def said(messages: Iterable[Message], clock: ManualClock) -> list[Said]:
    """As a tap would have seen them."""
    return [Said(*message, retain=False, at_ms=clock.now_ns() // 1_000_000) for message in messages]


def a_day(turns: int) -> list[Session]:
    """Two sessions with everything in them that an edge node says; `turns`: how often the plant is read in each."""
    clock = ManualClock()
    one = node(clock)
    return [_session(one, clock, bd_seq, turns) for bd_seq in (0, 1)]


def _session(one: Node, clock: ManualClock, bd_seq: int, turns: int) -> Session:
    will = said([one.connect(bd_seq)], clock)[0]
    session = Session(Connect(4, True, "edge", will), [(NAME_NCMD, 1, 0), (NAME_DCMD, 1, 0)])
    for messages in _life(one, clock, turns):
        session.log += said(messages, clock)
    session.log += said([one.death()], clock)
    session.disconnected = session.closed = True
    return session


NAME_NCMD, NAME_DCMD = "spBv1.0/demo/NCMD/gw-1", "spBv1.0/demo/DCMD/gw-1/+"
DISCONNECTED, CLAMPED = 0x202, 0x107


def _life(one: Node, clock: ManualClock, turns: int) -> Iterable[Sequence[Message]]:
    yield list(one.take(reads(clock, 1.0, 2.0, 3.0)))
    clock.advance(1)
    yield list(one.take(columns((PRESS_A, clock.now_ns(), 1.5, 0))))  # newer than its neighbour
    yield list(one.births(FIGURES))
    for turn in range(turns):
        clock.advance(1)
        yield list(one.take(reads(clock, turn + 0.5, 2.0, turn / 10)))
    yield list(one.take(columns((PRESS_A, clock.now_ns() + 1, 7.0, CLAMPED))))
    yield list(one.figures(figures(ClockState.UNSYNCED, 2)))
    yield list(one.history(columns((PUMP_A, clock.now_ns() - NS_PER_S, -1.0, 0))))
    clock.advance(1)
    yield list(one.take(columns((PUMP_A, clock.now_ns(), 0.0, DISCONNECTED))))
    yield list(one.bury())
    clock.advance(1)
    yield list(one.take(columns((PUMP_A, clock.now_ns(), 5.0, 0))))
    yield list(one.births(FIGURES))
    yield list(one.figures(figures(ClockState.UNSYNCED, 0)))
