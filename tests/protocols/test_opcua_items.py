"""What each monitored item is asked for, what the server makes of it, and what is said when it does otherwise."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService
from pydantic import ValidationError
from structlog.testing import capture_logs

from protocols.sample import GOOD, Quality, quality_of, reason_of
from tests.protocols.opcua_rig import URI, Listener, OpcuaServer, device, make, time_ns_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


def tag(name: str = "speed", **fields: Any) -> dict[str, Any]:
    return {"tag": "t0", "node": f"nsu={URI};s={name}", **fields}


@pytest.fixture
def asked(opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every item that the server was asked to watch."""
    create = MonitoredItemService._create_data_change_monitored_item
    found: list[Any] = []

    async def noted(self: Any, item: ua.MonitoredItemCreateRequest) -> Any:
        found.append(item)
        return await create(self, item)

    monkeypatch.setattr(MonitoredItemService, "_create_data_change_monitored_item", noted)
    return found


async def followed(opcua: OpcuaServer, one: dict[str, Any], **settings: Any) -> tuple[Any, Listener]:
    driver = make(device(opcua.port, [one], **settings))
    listener = Listener(driver, [0])
    await listener.until(lambda: listener.heard)
    return driver, listener


async def written(opcua: OpcuaServer, listener: Listener, values: list[float], last: float) -> list[Any]:
    """What is heard of these values, each written with a time of its own."""
    begun = datetime.now(UTC)
    for i, value in enumerate(values):
        await opcua.write("speed", value, begun + timedelta(milliseconds=i))
    await listener.until(lambda: listener.heard[-1].value == last)
    return [sample.value for sample in listener.heard[1:]]


async def test_an_item_is_asked_for_as_its_tag_says(opcua: OpcuaServer, asked: list[Any]) -> None:
    one = tag(sampling_s=0.25, queue_size=7, discard="newest", trigger="timestamp", server_deadband_percent=2.5)
    driver, listener = await followed(opcua, one)
    (item,) = asked
    parameters = item.RequestedParameters
    assert (parameters.SamplingInterval, parameters.QueueSize, parameters.DiscardOldest) == (250.0, 7, False)
    wanted = parameters.Filter
    assert (wanted.Trigger.name, wanted.DeadbandType, wanted.DeadbandValue) == ("StatusValueTimestamp", 2, 2.5)
    await listener.stop()
    await driver.close()


async def test_the_device_says_what_a_tag_does_not(opcua: OpcuaServer, asked: list[Any]) -> None:
    driver, listener = await followed(opcua, tag(), sampling_interval_s=0.5, queue_size=11)
    parameters = asked[0].RequestedParameters
    assert (parameters.SamplingInterval, parameters.QueueSize, parameters.DiscardOldest) == (500.0, 11, True)
    assert not hasattr(parameters.Filter, "DeadbandType")
    await listener.stop()
    await driver.close()


async def test_what_a_server_deadband_leaves_out_never_comes(opcua: OpcuaServer) -> None:
    """The server compares with the value before, whether or not it sent that one: asyncua's reading of it."""
    await opcua.write("speed", 0.0, datetime.now(UTC))
    driver, listener = await followed(opcua, tag(server_deadband=1.0))
    assert await written(opcua, listener, [0.5, 0.9, 5.0, 5.5, 9.0], 9.0) == [5.0, 9.0]
    await listener.stop()
    await driver.close()


async def test_a_trigger_on_status_leaves_out_values(opcua: OpcuaServer) -> None:
    await opcua.write("speed", 0.0, datetime.now(UTC))
    driver, listener = await followed(opcua, tag(trigger="status"))
    await opcua.write("speed", 1.0, datetime.now(UTC))
    await opcua.write("speed", 2.0, datetime.now(UTC), 0x4090_0000)
    await listener.until(lambda: len(listener.heard) > 1)
    assert [(sample.value, reason_of(sample.code)) for sample in listener.heard[1:]] == [(2.0, "stale")]
    await listener.stop()
    await driver.close()


async def test_a_trigger_on_time_brings_the_same_value_again(opcua: OpcuaServer) -> None:
    driver, listener = await followed(opcua, tag(trigger="timestamp"))
    assert await written(opcua, listener, [3.0, 3.0, 3.0, 4.0], 4.0) == [3.0, 3.0, 3.0, 4.0]
    await listener.stop()
    await driver.close()


@pytest.mark.parametrize("status", ["BadMonitoredItemFilterUnsupported", "BadFilterNotAllowed"])
async def test_a_filter_that_the_server_does_not_have_costs_no_value(
    opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """More changes than wanted are better than none."""
    create = MonitoredItemService._create_data_change_monitored_item

    async def picky(self: Any, item: ua.MonitoredItemCreateRequest) -> Any:
        if hasattr(item.RequestedParameters.Filter, "DeadbandType"):
            return ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(getattr(ua.StatusCodes, status)))
        return await create(self, item)

    monkeypatch.setattr(MonitoredItemService, "_create_data_change_monitored_item", picky)
    await opcua.write("speed", 0.0, datetime.now(UTC))
    with capture_logs() as logs:
        driver, listener = await followed(opcua, tag(server_deadband_percent=50.0))
        assert await written(opcua, listener, [1.0, 1.1, 1.2], 1.2) == [1.0, 1.1, 1.2]
    assert [entry["cause"] for entry in logs] == ["the server has no such filter for it and sends every change"]
    await listener.stop()
    await driver.close()


async def test_values_that_the_server_lost_are_told_on_the_one_after(
    opcua: OpcuaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncua drops the oldest silently; this one says so, as it must (Part 4, 5.12.1.5)."""

    async def overflowing(self: Any, mid: int, event: Any, size: int, queue: dict[int, list[Any]]) -> None:
        waiting = queue.setdefault(mid, [])
        waiting.append(event)
        if len(waiting) > size:
            del waiting[0]
            data = waiting[0].Value
            waiting[0].Value = ua.DataValue(data.Value, ua.StatusCode(0x0480), data.SourceTimestamp)

    monkeypatch.setattr(InternalSubscription, "_enqueue_event", overflowing)
    with capture_logs() as logs:
        driver, listener = await followed(opcua, tag(queue_size=3), publishing_interval_s=0.2)
        heard = await written(opcua, listener, [float(n) for n in range(20)], 19.0)
    assert heard == [17.0, 18.0, 19.0]
    assert [(quality_of(s.code), reason_of(s.code)) for s in listener.heard[1:]] == [
        (Quality.UNCERTAIN, "overrun"),
        (Quality.GOOD, "none"),
        (Quality.GOOD, "none"),
    ]
    await listener.stop()
    assert driver.overruns == 1
    assert ["raise its queue_size" in entry["cause"] for entry in logs] == [True]
    await driver.close()


@pytest.mark.parametrize("clock", ["source", "server", "gateway"])
async def test_the_clock_that_the_device_is_set_to(opcua: OpcuaServer, clock: str) -> None:
    await opcua.write("speed", 0.0, datetime.now(UTC))
    driver, listener = await followed(opcua, tag(), timestamp=clock)
    ours = datetime.now(UTC)
    times = {"source": ours + timedelta(hours=1), "server": ours + timedelta(hours=2), "gateway": ours}
    data = ua.DataValue(ua.Variant(12.5), ua.StatusCode(0), times["source"], times["server"])
    await opcua.server.write_attribute_value(ua.NodeId("speed", opcua.index), data)
    await listener.until(lambda: listener.heard[-1].value == 12.5)
    sample = listener.heard[-1]
    assert sample.code == GOOD
    late_ns = sample.time_ns - time_ns_of(times[clock])
    assert late_ns == 0 if clock != "gateway" else 0 <= late_ns < 60_000_000_000
    await listener.stop()
    await driver.close()


async def test_an_element_a_text_and_a_structure_side_by_side(opcua: OpcuaServer) -> None:
    nodes = [
        await opcua.add("zones", [20.5, 21.5, 22.5]),
        await opcua.add("message", ua.LocalizedText("läuft", "de"), ua.VariantType.LocalizedText),
        await opcua.add("structure", ua.Argument(Name="x"), ua.VariantType.ExtensionObject),
        await opcua.add("since", datetime(2026, 1, 2, tzinfo=UTC), ua.VariantType.DateTime),
    ]
    tags = [
        tag("zones", index=1),
        tag("zones") | {"tag": "t1"},
        tag("message", type="string") | {"tag": "t2"},
        tag("structure", type="string") | {"tag": "t3"},
        tag("since", type="datetime") | {"tag": "t4"},
        tag("speed") | {"tag": "t5"},
    ]
    driver = make(device(opcua.port, tags))
    listener = Listener(driver, range(6))
    await listener.until(lambda: len(listener.heard) >= 6)
    found = {int(sample.tag): sample.value for sample in listener.heard}
    assert [found[i] for i in range(5)] == [21.5, None, "läuft", None, "2026-01-02T00:00:00.000000Z"]
    await listener.stop()
    await driver.close()
    await opcua.server.delete_nodes(nodes)


async def test_items_are_independent_of_a_slow_first_answer(opcua: OpcuaServer) -> None:
    """Values that come while the rest is still being asked for are neither lost nor taken for strangers."""
    with opcua.numbered(range(300)):
        await opcua.set_limit(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall, 1)
        tags = [{"tag": f"t{n}", "node": f"nsu={URI};s=n{n}"} for n in range(300)]
        driver = make(device(opcua.port, tags, publishing_interval_s=0.02))
        listener = Listener(driver, range(300))
        await listener.until(lambda: len(listener.heard) >= 300)
        assert sorted((int(s.tag), s.value) for s in listener.heard) == [(n, float(n)) for n in range(300)]
        await asyncio.sleep(0)
        await listener.stop()
        await driver.close()
        await opcua.set_limit(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall, 0)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"server_deadband": 1.0, "server_deadband_percent": 1.0}, "choose one"),
        ({"server_deadband": 1.0, "type": "string"}, "needs numbers"),
        ({"server_deadband": 1.0, "trigger": "status"}, "trigger = value or timestamp"),
        ({"queue_size": 5, "mode": "poll"}, "queue_size only with mode = subscribe"),
        ({"server_deadband": 0.0}, "greater than 0"),
        ({"server_deadband_percent": 101.0}, "less than or equal to 100"),
        ({"index": -1}, "greater than or equal to 0"),
        ({"type": "datetime64"}, "datetime"),
    ],
)
async def test_settings_that_make_no_sense(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        device(4840, [tag(**fields)])
