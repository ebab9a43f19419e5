"""The live stream over a real socket and a real broker."""

import asyncio
import contextlib
import json
import time
from uuid import uuid4

import aiomqtt
import httpx
import numpy as np
import psycopg
import pytest

from protocols.sample import Column, ValueKind, bad
from protocols.wire import catalog, columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState
from tests.api.test_server import running

CATALOG = catalog.Catalog(
    revision=7,
    tags=[
        catalog.CatalogTag(alias=0, machine="pump-1", tag="flow", kind="float"),
        catalog.CatalogTag(alias=1, machine="pump-1", tag="vibration", kind="float"),
        catalog.CatalogTag(alias=2, machine="pump-9", tag="nobody-knows", kind="float"),
    ],
)


def batch(seq, values, codes=(0, 0, 0), revision=7):
    header = BatchHeader(uuid4(), seq, revision, ClockState.SYNCED, len(values))
    now = np.full(len(values), time.time_ns(), np.int64)
    aliases = np.arange(len(values), dtype=np.uint32)
    column = Column(ValueKind.FLOAT, aliases, now, np.array(values), np.array(codes[: len(values)], np.uint16))
    return columnar.encode(header, (column,))


@pytest.fixture
async def url(settings, free_port, broker):
    listening = settings.model_copy(update={"port": free_port(), "broker": broker.settings})
    async with running(listening) as url:
        yield url


@pytest.fixture
async def plant_floor(broker):
    async with aiomqtt.Client(broker.settings.host, broker.settings.port) as client:
        yield client


class Stream:
    """An open stream as a browser reads it; `lines` is fed beside the test, None at the end."""

    def __init__(self):
        self.lines = asyncio.Queue()

    async def feed(self, answer):
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for line in answer.aiter_lines():
                self.lines.put_nowait(line)
        self.lines.put_nowait(None)

    async def event(self, wanted, seconds=10.0):
        """The next event called `wanted`; other events are passed over."""
        async with asyncio.timeout(seconds):
            while (line := await self.lines.get()) is not None:
                if line == f"event: {wanted}":
                    return json.loads((await self.lines.get()).removeprefix("data: "))
        raise EOFError

    async def until_end(self, seconds):
        async with asyncio.timeout(seconds):
            while await self.lines.get() is not None:
                pass


@contextlib.asynccontextmanager
async def follow(url, plant, who="operator", **query):
    stream = Stream()
    async with (
        httpx.AsyncClient(base_url=url, timeout=30) as client,
        client.stream("GET", "/api/v1/live", params=query, headers=plant.bearer(who)) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        feeding = asyncio.create_task(stream.feed(answer))
        yield stream
        feeding.cancel()


async def publish_until(floor, slug, stream, values, **more):
    """Publish fresh batches until the stream shows one: the subscription takes a moment to stand."""
    await floor.publish(f"lw/1/{slug}/gw-1/up/catalog", catalog.encode(CATALOG), qos=1, retain=True)
    for seq in range(1, 40):
        await floor.publish(f"lw/1/{slug}/gw-1/up/data", batch(seq, values, **more), qos=1)
        with contextlib.suppress(TimeoutError):
            return await stream.event("value", 0.25)
    raise AssertionError("no value came")


@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)
async def test_a_value_arrives_after_it_was_published(url, ours, plant_floor):
    async with follow(url, ours) as stream:
        shown = await publish_until(plant_floor, "ours", stream, [1.5, 2.5, 3.5])
        assert shown["tag_id"] == str(ours.tags["flow"])
        assert (shown["slug"], shown["value"], shown["quality"]) == ("flow", 1.5, "good")
        started = time.monotonic()
        await plant_floor.publish("lw/1/ours/gw-1/up/data", batch(99, [0.0, 9.5], (bad(1), 0)), qos=1)
        while (event := await stream.event("value"))["value"] != 9.5:
            if event["quality"] == "bad":
                assert (event["value"], event["reason"]) == (None, "timeout")
        assert time.monotonic() - started < 2


async def test_streams_show_their_own_tenant_and_what_is_broken_stops_nothing(url, ours, theirs, plant_floor):
    async with follow(url, ours) as our_stream, follow(url, theirs) as their_stream:
        await publish_until(plant_floor, "theirs", their_stream, [7.0, 7.0])
        for payload in (b"LW broken", b"{", batch(1, [6.0], revision=8), b""):
            await plant_floor.publish("lw/1/ours/gw-1/up/data", payload, qos=1)
        shown = await publish_until(plant_floor, "ours", our_stream, [5.0, 5.0])
        assert shown["value"] == 5.0
        assert shown["tag_id"] in map(str, ours.tags.values())


async def test_orders_and_reports_are_told_to_their_tenant_and_machine(url, ours, theirs):
    async with (
        follow(url, ours) as plant_wide,
        follow(url, ours, machine_id=str(ours.machine_a)) as other_machine,
        follow(url, theirs) as foreign,
        follow(url, ours, "vendor") as vendor,
        httpx.AsyncClient(base_url=url) as client,
    ):
        body = {"id": str(uuid4()), "machine_id": str(ours.machine), "title": "x"}
        body |= {"type": "corrective", "priority": "low"}
        made = await client.post("/api/v1/orders", json=body, headers=ours.bearer("planner"))
        assert made.status_code == 201
        assert await plant_wide.event("order") == {"id": body["id"], "state": "NEW"}
        for stream in (other_machine, foreign, vendor):
            with pytest.raises(TimeoutError):
                await stream.event("order", 0.5)


async def test_an_alarm_is_told_whole_when_it_changes(url, ours):
    async with follow(url, ours) as stream, httpx.AsyncClient(base_url=url) as client:
        acked = await client.post(f"/api/v1/alarms/{ours.alarm}/ack", headers=ours.bearer("operator"))
        assert await stream.event("alarm") == acked.json()
        assert acked.json()["state"] == "ack_active"


async def test_a_session_opens_a_bounded_number_of_streams(url, ours):
    async with contextlib.AsyncExitStack() as open_streams:
        for _ in range(20):
            await open_streams.enter_async_context(follow(url, ours))
        async with httpx.AsyncClient(base_url=url) as client:
            refused = await client.get("/api/v1/live", headers=ours.bearer("operator"))
        assert refused.status_code == 429
        await open_streams.enter_async_context(follow(url, ours, "planner"))


async def test_a_session_that_is_revoked_ends_its_streams_within_five_seconds(url, ours):
    async with follow(url, ours) as revoked, follow(url, ours, "planner") as kept:
        async with httpx.AsyncClient(base_url=url) as client:
            await client.delete("/api/v1/session", headers=ours.bearer("operator"))
        await revoked.until_end(5)
        with pytest.raises(TimeoutError):
            await kept.until_end(0.5)


async def test_when_notices_may_have_been_missed_the_viewer_is_sent_to_read_anew(url, ours, database):
    async with follow(url, ours) as stream:
        with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%api live'"
            )
        await stream.until_end(5)


async def test_a_machine_of_another_tenant_cannot_be_followed(client, ours, theirs):
    query = {"machine_id": str(theirs.machine)}
    refused = await client.get("/api/v1/live", params=query, headers=ours.bearer("operator"))
    assert refused.status_code == 404
