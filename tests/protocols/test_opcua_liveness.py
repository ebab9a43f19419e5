"""Losing an OPC UA server in every way, and having it back: by itself, soon, and never with a second session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService

from protocols.sample import GOOD, Quality, quality_of, reason_of
from tests.protocols.link import Link, link_to
from tests.protocols.opcua_rig import URI, Listener, OpcuaServer, device, make, subscriber

pytestmark = pytest.mark.asyncio(loop_scope="session")
FAST = {"silence_s": 0.4, "timeout_s": 0.4}


@pytest_asyncio.fixture(loop_scope="session")
async def link(opcua: OpcuaServer) -> AsyncIterator[Link]:
    opcua.sessions_most = 0
    async with link_to(opcua.port) as link:
        yield link


async def until_told(opcua: OpcuaServer, listener: Listener, value: float) -> None:
    """The data plane is alive: what is written now is heard now."""
    await listener.until(lambda: listener.heard and quality_of(listener.heard[-1].code) is not Quality.BAD)
    await opcua.write("speed", value, datetime.now(UTC))
    await listener.until(lambda: listener.heard[-1].value == value)


@pytest.mark.parametrize("way", ["cut", "silence"])
async def test_many_losses_and_never_two_sessions(opcua: OpcuaServer, link: Link, way: str) -> None:
    """A cut or silent line leaves our session on the server; the next client must sit down on the same seat."""
    before = set(opcua.subscriptions)
    driver = subscriber(link.port, ["speed"], **FAST)
    listener = Listener(driver, [0], forever=True)
    for turn in range(4):
        await until_told(opcua, listener, 100.0 + turn)
        getattr(link, way)()
        await listener.until(lambda: reason_of(listener.heard[-1].code) == "disconnected")
        link.mend()
    await until_told(opcua, listener, 500.0)
    assert opcua.sessions_most == opcua.sessions() == 1
    times = [sample.time_ns for sample in listener.heard]
    assert times == sorted(set(times))
    await listener.stop()
    await driver.close()
    assert opcua.sessions() == 0
    assert set(opcua.subscriptions) <= before


async def test_a_session_that_the_server_closed_is_made_anew(opcua: OpcuaServer) -> None:
    """As when it expires while the line is up: every request is refused from now on."""
    driver = subscriber(opcua.port, ["speed"], **FAST)
    listener = Listener(driver, [0], forever=True)
    await until_told(opcua, listener, 1.0)
    (session,) = opcua.server.iserver._external_sessions.values()
    await session.close_session(True)
    await listener.until(lambda: listener.ended)
    await until_told(opcua, listener, 2.0)
    assert opcua.sessions() == 1
    await listener.stop()
    await driver.close()


async def test_a_subscription_that_the_server_forgot_is_made_anew(opcua: OpcuaServer) -> None:
    """The line is up, the session answers, and nothing would ever come again."""
    driver = subscriber(opcua.port, ["speed"], **FAST)
    listener = Listener(driver, [0], forever=True)
    await until_told(opcua, listener, 1.0)
    forgotten = max(opcua.subscriptions)
    await opcua.subscriptions.pop(forgotten).stop()
    await listener.until(lambda: listener.ended)
    await until_told(opcua, listener, 2.0)
    await listener.stop()
    await driver.close()


async def _plant(port: int, uris: list[str], value: float) -> Server:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for uri in uris:
        index = await server.register_namespace(uri)
        await server.nodes.objects.add_variable(ua.NodeId("speed", index), "speed", value if uri == URI else -1.0)
    await server.start()
    return server


async def test_a_server_that_comes_back_with_other_namespace_numbers(free_port: Callable[[], int]) -> None:
    """After an update the same node has another id; under its old one there is now another machine."""
    port = free_port()
    server = await _plant(port, ["urn:first", URI], 1.0)
    polled = [{"tag": "p", "node": f"nsu={URI};s=speed", "mode": "poll"}]
    driver = make(device(port, [{"tag": "s", "node": f"nsu={URI};s=speed"}, *polled], **FAST))
    listener = Listener(driver, [0], forever=True)
    await listener.until(lambda: listener.heard and listener.heard[-1].value == 1.0)
    await server.stop()
    server = await _plant(port, [URI, "urn:first"], 2.0)
    await listener.until(lambda: listener.heard[-1].value == 2.0)
    (op,) = driver.plan([1])
    (column,) = await driver.read(op)
    assert (column.value.tolist(), column.code.tolist()) == ([2.0], [GOOD])
    assert {sample.value for sample in listener.heard} <= {1.0, 2.0, None}
    await listener.stop()
    await driver.close()
    await server.stop()


async def test_an_item_that_never_shows_anything_is_told_and_asked_for_again(
    opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says good and sends nothing: without a watch this tag would be silent for ever."""
    monkeypatch.setattr("protocols.opcua.feed._RETRY_FIRST_S", 0.05)
    trigger = MonitoredItemService.trigger_datachange
    dumb = True

    async def sometimes(self: Any, handle: int, nodeid: ua.NodeId, attr: int) -> None:
        if not (dumb and nodeid.Identifier == "load"):
            await trigger(self, handle, nodeid, attr)

    monkeypatch.setattr(MonitoredItemService, "trigger_datachange", sometimes)
    driver = subscriber(opcua.port, ["speed", "load"], **FAST)
    listener = Listener(driver, [0, 1])
    await listener.until(lambda: listener.of(0) and listener.of(1))
    assert reason_of(listener.of(1)[0].code) == "stale"
    assert quality_of(listener.of(1)[0].code) is Quality.BAD
    dumb = False
    await listener.until(lambda: listener.of(1)[-1].value is not None)
    assert listener.ended is None
    assert len(listener.of(0)) == 1
    subscription = opcua.subscriptions[max(opcua.subscriptions)]
    assert len(subscription.monitored_item_srv._monitored_items) == 2
    await listener.stop()
    await driver.close()


def lose_messages(opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch, *, remembered: bool) -> Callable[[int], None]:
    """Make the server believe that it has sent its next messages, which nobody gets."""
    pop = InternalSubscription._pop_publish_result
    still = [0]

    def losing(self: Any) -> ua.PublishResult:
        result = pop(self)
        while still[0] and result.NotificationMessage.NotificationData:
            still[0] -= 1
            if not remembered:
                self._not_acknowledged_results.clear()
            result = pop(self)
        return result

    monkeypatch.setattr(InternalSubscription, "_pop_publish_result", losing)

    def lose(count: int) -> None:
        still[0] = count

    return lose


async def test_a_lost_message_is_asked_for_again(opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    lose = lose_messages(opcua, monkeypatch, remembered=True)
    driver = subscriber(opcua.port, ["speed"], **FAST)
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    lose(1)
    await opcua.write("speed", 41.0, datetime.now(UTC))
    await asyncio.sleep(0.15)
    await opcua.write("speed", 42.0, datetime.now(UTC))
    await listener.until(lambda: listener.heard[-1].value == 42.0)
    assert [sample.value for sample in listener.heard[1:]] == [41.0, 42.0]
    assert listener.ended is None
    await listener.stop()
    await driver.close()


async def test_a_message_that_is_lost_for_good_is_told(opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows whose values were in it, so all tags get a gap, and begin anew."""
    lose = lose_messages(opcua, monkeypatch, remembered=False)
    driver = subscriber(opcua.port, ["speed", "load"], **FAST)
    listener = Listener(driver, [0, 1], forever=True)
    await listener.until(lambda: len(listener.heard) >= 2)
    lose(1)
    await opcua.write("speed", 51.0, datetime.now(UTC))
    await listener.until(lambda: listener.ended)
    assert [reason_of(listener.of(alias)[1].code) for alias in (0, 1)] == ["disconnected", "disconnected"]
    await listener.until(lambda: listener.of(0)[-1].value == 51.0)
    await listener.stop()
    await driver.close()


async def test_a_second_subscription_is_refused(opcua: OpcuaServer) -> None:
    driver = subscriber(opcua.port, ["speed"])
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    with pytest.raises(Exception, match="already"):
        async with contextlib.aclosing(driver.subscribe([0])) as feed:
            await anext(feed)
    await opcua.write("speed", 61.0, datetime.now(UTC))
    await listener.until(lambda: listener.heard[-1].value == 61.0)
    await listener.stop()
    await driver.close()


async def test_following_again_on_the_same_session(opcua: OpcuaServer) -> None:
    """The server refuses the requests that the first subscription left behind; the second one does not mind."""
    driver = subscriber(opcua.port, ["speed"], **FAST)
    await driver.open()
    session = driver._session
    for turn in range(3):
        listener = Listener(driver, [0])
        await until_told(opcua, listener, 70.0 + turn)
        await listener.stop()
    assert driver._session is session
    assert opcua.sessions_most == 1
    await driver.close()
