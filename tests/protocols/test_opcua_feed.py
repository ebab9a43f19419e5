"""OPC UA subscriptions against a real asyncua server: stamps, gaps, refused items, losses."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from protocols import DeviceUnavailable
from protocols.sample import GOOD, Quality, quality_of, reason_of
from tests.protocols.link import link_to
from tests.protocols.opcua_rig import WAIT_S, Listener, OpcuaServer, subscriber, time_ns_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_change_arrives_with_its_source_time(opcua: OpcuaServer) -> None:
    driver = subscriber(opcua.port, ["speed"])
    await driver.open()
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    began = datetime.now(UTC)
    stamps = [began + timedelta(milliseconds=i) for i in range(40)]
    for i, at in enumerate(stamps):
        await opcua.write("speed", float(i), at)
    await listener.until(lambda: len(listener.heard) >= 41)
    assert [(s.value, s.time_ns, s.code) for s in listener.heard[1:]] == [
        (float(i), time_ns_of(at), GOOD) for i, at in enumerate(stamps)
    ]
    assert driver.last_good_monotonic_ns() > 0
    await listener.stop()
    assert opcua.sessions() == 1
    await driver.close()
    assert opcua.sessions() == 0


async def test_the_value_that_was_there_before_is_stamped_when_we_asked_and_stale(opcua: OpcuaServer) -> None:
    """It may be days old, and an earlier run may have told it: twice the same stamp would be twice the same row."""
    await opcua.write("speed", 7.5, datetime.now(UTC) - timedelta(days=3))
    driver = subscriber(opcua.port, ["speed"])
    before_ns = time_ns_of(datetime.now(UTC))
    await driver.open()
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    (first,) = listener.heard
    assert (first.value, quality_of(first.code), reason_of(first.code)) == (7.5, Quality.UNCERTAIN, "stale")
    assert before_ns <= first.time_ns <= time_ns_of(datetime.now(UTC))
    await listener.stop()
    await driver.close()


async def test_changes_within_one_tick_of_the_servers_clock_all_count(opcua: OpcuaServer) -> None:
    driver = subscriber(opcua.port, ["speed"])
    await driver.open()
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    at = datetime.now(UTC)
    for value in (1.0, 2.0, 3.0):
        await opcua.write("speed", value, at)
    await listener.until(lambda: len(listener.heard) >= 4)
    tick = time_ns_of(at)
    assert [(s.value, s.time_ns) for s in listener.heard[1:]] == [(1.0, tick), (2.0, tick + 1000), (3.0, tick + 2000)]
    await listener.stop()
    await driver.close()


async def test_status_codes_and_impossible_values_become_reasons(opcua: OpcuaServer) -> None:
    driver = subscriber(opcua.port, ["speed"])
    await driver.open()
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    at = datetime.now(UTC)
    steps = [
        (1.5, 0x4090_0000, 1.5, "stale"),
        (None, 0x8005_0000, None, "disconnected"),
        (float("nan"), 0, None, "nan"),
        (2.5, 0x808B_0000, None, "device_reported"),
        (3.5, 0, 3.5, "none"),
    ]
    for i, (value, status, _, _) in enumerate(steps):
        await opcua.write("speed", value, at + timedelta(milliseconds=i), status)
    await listener.until(lambda: len(listener.heard) > len(steps))
    assert [(s.value, reason_of(s.code)) for s in listener.heard[1:]] == [(want, why) for _, _, want, why in steps]
    await listener.stop()
    await driver.close()


async def test_source_times_that_cannot_be(opcua: OpcuaServer) -> None:
    """A controller without a clock battery: the value counts, its time does not."""
    driver = subscriber(opcua.port, ["speed"])
    await driver.open()
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    before_ns = time_ns_of(datetime.now(UTC))
    await opcua.write("speed", 1.0, datetime(1970, 1, 2, tzinfo=UTC))
    await listener.until(lambda: len(listener.heard) >= 2)
    await opcua.write("speed", 2.0, datetime.now(UTC) + timedelta(days=400))
    await listener.until(lambda: len(listener.heard) >= 3)
    assert [(s.value, reason_of(s.code)) for s in listener.heard[1:]] == [
        (1.0, "clock_unsynced"),
        (2.0, "clock_unsynced"),
    ]
    assert all(before_ns <= s.time_ns <= time_ns_of(datetime.now(UTC)) for s in listener.heard[1:])
    await listener.stop()
    await driver.close()


async def test_a_slow_listener_loses_nothing(opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our queue is bounded: when it is full the server keeps what changes, as far as its own queue reaches."""
    monkeypatch.setattr("protocols.opcua.publishing._AHEAD_MOST", 2)
    driver = subscriber(opcua.port, ["speed"], queue_size=10_000)
    await driver.open()
    feed = driver.subscribe([0])
    await anext(feed)
    began = datetime.now(UTC)
    for i in range(150):
        await opcua.write("speed", float(i), began + timedelta(milliseconds=i))
        await asyncio.sleep(0.012)
    heard: list[float] = []
    async with asyncio.timeout(WAIT_S):
        while len(heard) < 150:
            heard += [value for column in await anext(feed) for value in column.value.tolist()]
    assert heard == [float(i) for i in range(150)]
    await feed.aclose()
    await driver.close()


async def test_a_missing_node_costs_nobody_and_comes_when_it_appears(
    opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocols.opcua.feed._RETRY_FIRST_S", 0.05)
    driver = subscriber(opcua.port, ["speed", "late", "load"])
    await driver.open()
    listener = Listener(driver, [0, 1, 2])
    await listener.until(lambda: len(listener.heard) >= 3)
    assert {reason_of(sample.code) for sample in listener.of(1)} == {"bad_address"}
    await opcua.write("speed", 11.0, datetime.now(UTC))
    await listener.until(lambda: listener.of(0)[-1].value == 11.0)
    node = await opcua.add("late", 4.5)
    await listener.until(lambda: listener.of(1)[-1].value == 4.5)
    times = [sample.time_ns for sample in listener.of(1)]
    assert times == sorted(set(times))
    await listener.stop()
    await driver.close()
    await opcua.server.delete_nodes([node])


async def test_a_server_that_restarts(opcua: OpcuaServer) -> None:
    """Every tag is told BAD once, no stamp comes twice, and the changes of the new life arrive."""
    driver = subscriber(opcua.port, ["speed", "load"])
    await driver.open()
    listener = Listener(driver, [0, 1])
    await listener.until(lambda: len(listener.heard) >= 2)
    await opcua.write("speed", 1.0, datetime.now(UTC))
    await listener.until(lambda: listener.of(0)[-1].value == 1.0)
    await opcua.stop()
    await listener.until(lambda: listener.ended)
    assert [reason_of(listener.of(alias)[-1].code) for alias in (0, 1)] == ["disconnected", "disconnected"]
    with pytest.raises(DeviceUnavailable, match="check address, port"):
        await driver.open()
    await opcua.start()
    await driver.open()
    again = Listener(driver, [0, 1])
    await again.until(lambda: len(again.heard) >= 2)
    await opcua.write("speed", 2.0, datetime.now(UTC))
    await again.until(lambda: again.of(0)[-1].value == 2.0)
    assert again.of(0)[-1].code == GOOD
    times = [sample.time_ns for sample in listener.of(0) + again.of(0)]
    assert times == sorted(set(times))
    assert opcua.sessions() == 1
    await again.stop()
    await driver.close()


@pytest.mark.parametrize("first", [{"silence_s": 1.0, "timeout_s": 2.0}, {"silence_s": 60.0, "timeout_s": 0.3}])
async def test_a_line_that_falls_silent_is_noticed_and_the_gap_begins_where_it_began(
    opcua: OpcuaServer, first: dict[str, float]
) -> None:
    """Whoever notices first, our watch on silence or the library's own probe of the server."""
    async with link_to(opcua.port) as link:
        driver = subscriber(link.port, ["speed"], **first)
        await driver.open()
        listener = Listener(driver, [0])
        await listener.until(lambda: listener.heard)
        await asyncio.sleep(0.3)
        silent = datetime.now(UTC)
        link.silence()
        await opcua.write("speed", 99.0, datetime.now(UTC))
        await listener.until(lambda: listener.ended)
        last = listener.heard[-1]
        assert reason_of(last.code) == "disconnected"
        assert last.time_ns <= time_ns_of(silent + timedelta(milliseconds=20))
        assert last.time_ns > listener.heard[-2].time_ns
        link.mend()
        await driver.open()
        again = Listener(driver, [0])
        await again.until(lambda: again.heard)
        assert again.heard[0].value == 99.0
        await again.stop()
        await driver.close()


async def test_subscribing_without_a_connection_or_to_nothing(opcua: OpcuaServer) -> None:
    driver = subscriber(opcua.port, ["speed"])
    assert [columns async for columns in driver.subscribe([])] == []
    with pytest.raises(DeviceUnavailable, match="not connected"):
        await anext(driver.subscribe([0]))
