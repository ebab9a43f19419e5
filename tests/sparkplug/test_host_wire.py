"""The host at a real mosquitto, with a tap that reads every packet: STATE, will, subscriptions, rebirth requests."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from ingest_service.delivery import Message
from ingest_service.settings import SubscriptionSettings
from ingest_service.sparkplug.connection import HostSubscriber, ask_for_rebirths
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.sparkplug.settings import SparkplugSettings
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.sample import Quality
from protocols.sparkplug import state
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric
from protocols.sparkplug.topics import Verb
from runtime.clock import SystemClock
from tests.sparkplug.edge_session import Said, Tap, tapped
from tests.sparkplug.host_parts import Edge, data, speed

pytestmark = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)

HOST_ID = "Host 1"
STATE = f"spBv1.0/STATE/{HOST_ID}"
NEVER_EXPIRES_LATER = b"\x11\0\0\0\0"  # session expiry interval 0


class Line:
    """A host that listens: what it read, and the tags it knows to be stale."""

    def __init__(self, port: int, host_id: str = HOST_ID) -> None:
        clock = SystemClock()
        self.host = Host(SparkplugSettings(host_id=host_id, reorder_timeout_s=0), clock)
        self.reader = SparkplugReader(self.host, ())
        self.feed = HostSubscriber(
            BrokerSettings(port=port),
            SubscriptionSettings(),
            host_id,
            self.reader.own,
            clock=clock,
            obituaries=self.host.obituaries,
        )
        self.stale: set[str] = set()
        self.good: set[str] = set()
        self.changed = asyncio.Event()

    async def listen(self) -> None:
        while True:
            messages = await self.feed.burst()
            for message in messages:
                self._take(message)
            self.feed.acknowledge(messages)
            self.changed.set()

    def _take(self, message: Message) -> None:
        reading = self.reader.read(message)
        batch = reading.content.batch if reading else None
        for column in batch.columns if batch else ():
            for alias, code in zip(column.alias.tolist(), column.code.tolist(), strict=True):
                name = "/".join(batch.names[alias])
                (self.stale if code >> 8 == Quality.BAD else self.good).add(name)

    async def until(self, condition) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def listening(port: int, host_id: str = HOST_ID) -> AsyncIterator[Line]:
    line = Line(port, host_id)
    async with line.feed, asyncio.TaskGroup() as tasks:
        await asyncio.wait_for(line.feed.wait_subscribed(), 20)
        running = [tasks.create_task(line.listen()), tasks.create_task(ask_for_rebirths(line.host, line.feed))]
        yield line
        for task in running:
            task.cancel()


@pytest.fixture
async def tap(broker: Broker) -> AsyncIterator[Tap]:
    async with tapped(broker.port) as running:
        yield running


def states(tap: Tap, *, online: bool) -> list[tuple[Said, state.HostState]]:
    """What hosts behind this tap said of themselves."""
    told = [(said, state.decode(said.payload)) for said in tap.sent("STATE")]
    return [(said, one) for said, one in told if one.online is online]


async def retained(broker: Broker, topic: str = STATE) -> state.HostState:
    """What a newcomer is told."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(topic, qos=1)
        async with asyncio.timeout(10):
            async for message in client.messages:
                return state.decode(bytes(message.payload))
    raise AssertionError


async def until_retained(broker: Broker, *, online: bool) -> state.HostState:
    async with asyncio.timeout(20):
        while (told := await retained(broker)).online is not online:
            await asyncio.sleep(0.05)
    return told


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_the_will_stands_before_the_birth_and_the_subscriptions_in_between(broker, tap):
    before_ms = now_ms()
    async with listening(tap.port):
        await tap.until(lambda: states(tap, online=True))
        (session,) = tap.sessions
        will = session.connect.will
        told = state.decode(will.payload)
        assert (session.connect.level, session.connect.clean) == (5, True)
        assert NEVER_EXPIRES_LATER in session.connect.properties
        assert (will.topic, will.qos, will.retain, told.online) == (STATE, 1, True, False)
        assert before_ms <= told.timestamp_ms <= now_ms()
        assert {name: (qos & 3, sent) for name, qos, sent in session.subscribed} == {
            STATE: (1, 0),
            "spBv1.0/#": (1, 0),
        }
        ((birth, born),) = states(tap, online=True)
        assert (birth.topic, birth.qos, birth.retain) == (STATE, 1, True)
        assert born.timestamp_ms == told.timestamp_ms
        assert session.sent[0] is birth
        assert (await until_retained(broker, online=True)).timestamp_ms == born.timestamp_ms


async def test_a_host_that_leaves_says_so_and_disconnects(broker, tap):
    async with listening(tap.port):
        await tap.until(lambda: states(tap, online=True))
        leaving_ms = now_ms()
    await tap.until(lambda: tap.sessions[0].closed)
    ((death, told),) = states(tap, online=False)
    assert (death.topic, death.qos, death.retain) == (STATE, 1, True)
    assert leaving_ms <= told.timestamp_ms <= now_ms()
    assert tap.sessions[0].sent[-1] is death
    assert tap.sessions[0].disconnected
    assert not (await retained(broker)).online


async def test_a_host_whose_line_breaks_is_buried_by_the_broker_and_born_again_later(broker, tap):
    async with listening(tap.port):
        await tap.until(lambda: states(tap, online=True))
        first_ms = state.decode(tap.sessions[0].connect.will.payload).timestamp_ms
        tap.deaf()
        assert (await until_retained(broker, online=False)).timestamp_ms == first_ms
        await tap.listen()
        # A birth that the first broker never acknowledged may be sent once more before the second one.
        await tap.until(lambda: states(tap, online=True)[-1][1].timestamp_ms > first_ms)
        while (await until_retained(broker, online=True)).timestamp_ms == first_ms:
            await asyncio.sleep(0.05)
        second = state.decode(tap.sessions[-1].connect.will.payload)
        assert second.timestamp_ms == states(tap, online=True)[-1][1].timestamp_ms


async def test_a_false_death_is_answered_with_the_same_birth(broker, tap):
    async with listening(tap.port), aiomqtt.Client(broker.host, broker.port) as other:
        await tap.until(lambda: states(tap, online=True))
        await other.publish(STATE, state.encode(online=False, timestamp_ms=now_ms()), qos=1, retain=True)
        await tap.until(lambda: len(states(tap, online=True)) == 2)
        (_, first), (again, second) = states(tap, online=True)
        assert second == first
        assert (again.qos, again.retain) == (1, True)
        await until_retained(broker, online=True)


async def test_hosts_of_other_names_are_no_concern_of_ours(broker, tap):
    async with listening(tap.port) as line, listening(broker.port, "Host 2"):
        await tap.until(lambda: states(tap, online=True))
        await until_retained(broker, online=True)
        assert (await retained(broker, "spBv1.0/STATE/Host 2")).online
    assert len(states(tap, online=True)) == 1
    assert not line.stale


async def test_at_two_brokers_it_lives_two_lives(broker, tap, open_folder):
    async with (
        Broker(Path(tempfile.mkdtemp(dir=open_folder)), program="mosquitto") as second,
        listening(tap.port),
        listening(second.port),
    ):
        await tap.until(lambda: states(tap, online=True))
        there = await until_retained(second, online=True)
        tap.deaf()
        await until_retained(broker, online=False)
        assert await retained(second) == there
        await tap.listen()
        here = await until_retained(broker, online=True)
        assert await retained(second) == there
        assert here.timestamp_ms > there.timestamp_ms


async def test_a_rebirth_is_asked_for_with_qos_0_and_without_retain_or_number(broker, tap):
    edge = Edge("box")
    async with listening(tap.port), aiomqtt.Client(broker.host, broker.port) as client:
        message = edge.ndata(data(1.0))
        await client.publish(message.topic, message.payload)
        await tap.until(lambda: tap.sent("NCMD"))
    _check_command(tap.sent("NCMD")[0], edge.rebirth_topic, "Node Control/Rebirth")


async def test_a_device_is_asked_in_the_same_way(broker, tap):
    edge = Edge("box")
    control = Metric("Device Control/Rebirth", DataType.BOOLEAN, value=False)
    messages = [edge.nbirth(), edge.dbirth("press", control, speed()), edge.ddata("press", data(1.0, alias=9))]
    async with listening(tap.port), aiomqtt.Client(broker.host, broker.port) as client:
        for message in messages:
            await client.publish(message.topic, message.payload)
        await tap.until(lambda: tap.sent("DCMD"))
    _check_command(tap.sent("DCMD")[0], edge.node.topic(Verb.DCMD, "press"), "Device Control/Rebirth")


def _check_command(said: Said, topic: str, name: str) -> None:
    assert (said.topic, said.qos, said.retain) == (topic, 0, False)
    assert not said.told.HasField("seq")
    assert 0 <= now_ms() - said.told.timestamp < 30_000
    (metric,) = said.told.metrics
    assert (metric.name, metric.boolean_value, metric.HasField("alias"), metric.HasField("datatype")) == (
        name, True, False, False,
    )  # fmt: skip


async def test_after_an_outage_everything_is_stale_until_it_is_born_again(broker, tap):
    edge = Edge("box")
    async with listening(tap.port) as line, aiomqtt.Client(broker.host, broker.port) as client:
        message = edge.nbirth(speed())
        await client.publish(message.topic, message.payload)
        await line.until(lambda: line.good == {"box/speed"})
        tap.deaf()
        await until_retained(broker, online=False)
        await tap.listen()
        await line.until(lambda: line.stale == {"box/speed"})
        await tap.until(lambda: tap.sent("NCMD"))
