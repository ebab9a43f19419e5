"""The live stream without a network: queues, filters, catalogs."""

import asyncio
import json
import math
from uuid import UUID, uuid4

import numpy as np
import pytest

from api.stream.hub import DROPPED, QUEUE_EVENTS, Event, Hub, Tenant, Viewer
from api.stream.values import Catalogs, TagIds, _Followed, _newest, value_data
from protocols.sample import Column, Quality, Reason, ValueKind, bad, concatenate, quality_code
from protocols.topics import GatewayAddress
from protocols.wire.batch import Batch, BatchHeader
from protocols.wire.catalog import Catalog, CatalogTag
from runtime.clock import ClockState

DEMO = Tenant(uuid4(), "demo")
OTHER = Tenant(uuid4(), "other")


async def read(viewer: Viewer, frames: int) -> list[bytes]:
    got = []
    async with asyncio.timeout(5):
        async for frame in viewer.frames():
            got.append(frame)
            if len(got) == frames:
                break
    return got


async def test_a_viewer_sees_its_own_tenant_and_machine_only():
    hub, machine = Hub(), uuid4()
    everything, one, foreign = Viewer(DEMO, "1", None), Viewer(DEMO, "2", machine), Viewer(OTHER, "3", None)
    for viewer in (everything, one, foreign):
        hub.join(viewer)
    hub.publish(Event(DEMO.id, uuid4(), "order", {"id": "x"}))
    hub.publish(Event(DEMO.id, machine, "value", {"slug": "a"}))
    assert (await read(everything, 2))[1].count(b"event:") == 2
    assert (await read(one, 2))[1] == b'event: value\ndata: {"slug": "a"}\n\n'
    foreign.end()
    assert len([frame async for frame in foreign.frames()]) == 1  # the greeting


async def test_a_slow_viewer_loses_its_oldest_events_and_they_are_counted():
    hub, viewer, before = Hub(), Viewer(DEMO, "1", None), DROPPED._value.get()
    hub.join(viewer)
    for number in range(QUEUE_EVENTS + 7):
        hub.publish(Event(DEMO.id, None, "order", {"n": number}))
    waiting = (await read(viewer, 2))[1]
    assert waiting.count(b"event:") == QUEUE_EVENTS
    assert b'{"n": 6}' not in waiting
    assert b'{"n": 7}' in waiting
    assert DROPPED._value.get() - before == 7


async def test_streams_end_with_their_session_and_with_the_process():
    hub = Hub()
    kept, revoked = Viewer(DEMO, "kept", None), Viewer(DEMO, "revoked", None)
    hub.join(kept)
    hub.join(revoked)
    revoked.put(b"secret")
    hub.keep_only({"kept"})
    assert b"secret" not in b"".join([frame async for frame in revoked.frames()])
    hub.close()
    late = Viewer(DEMO, "kept", None)
    hub.join(late)
    for viewer in (kept, late):
        async with asyncio.timeout(1):
            assert len([frame async for frame in viewer.frames()]) == 1


def column(kind, alias, time_ns, value, code=None):
    n = len(alias)
    values = np.array(value, object) if kind is ValueKind.TEXT else np.array(value)
    codes = np.array(code or [0] * n, np.uint16)
    return Column(kind, np.array(alias, np.uint32), np.array(time_ns, np.int64), values, codes)


def test_only_the_newest_sample_of_an_alias_is_shown():
    mixed = column(ValueKind.FLOAT, [1, 2, 1, 1], [10, 5, 30, 20], [1.0, 2.0, 3.0, 4.0])
    assert sorted(_newest(mixed)) == [(1, 30, 3.0, 0), (2, 5, 2.0, 0)]
    assert list(_newest(column(ValueKind.FLOAT, [], [], []))) == []


def test_a_catalog_names_aliases_of_its_own_revision_and_old_ones_are_forgotten():
    catalogs, gateway = Catalogs(), GatewayAddress("demo", "gw-1")

    def batch(revision):
        return Batch(BatchHeader(uuid4(), 1, revision, ClockState.SYNCED, 0), (), b"")

    for revision in range(6):
        tag = CatalogTag(alias=0, machine="pump-1", tag=f"t{revision}", kind="float")
        catalogs.learn(gateway, Catalog(revision=revision, tags=[tag]))
    assert catalogs.names(gateway, batch(5)) == {0: ("pump-1", "t5")}
    assert catalogs.names(gateway, batch(1)) is None
    assert catalogs.names(GatewayAddress("demo", "gw-2"), batch(5)) is None
    assert catalogs.names(gateway, Batch(None, (), b"", (("pump-1", "a"),))) == {0: ("pump-1", "a")}


async def test_a_backlog_does_not_overwrite_what_is_shown():
    machine, tag = uuid4(), uuid4()
    asked = []

    async def tags_of(tenant):
        asked.append(tenant)
        return {("pump-1", "flow"): TagIds(tag, machine)}

    followed = _Followed(DEMO, tags_of)
    names = {0: ("pump-1", "flow"), 1: ("pump-1", "not-registered")}

    def batch(time_ns):
        return Batch(None, concatenate([column(ValueKind.FLOAT, [0, 1], [time_ns, time_ns], [1.5, 2.5])]), b"")

    (event,) = await followed.events(batch(2_000_000_000), names)
    assert (event.machine_id, event.data["tag_id"], event.data["value"]) == (machine, str(tag), 1.5)
    assert event.data["time"] == "1970-01-01T00:00:02Z"
    assert await followed.events(batch(1_000_000_000), names) == []
    assert len(asked) == 1, "a tag that is not registered must not cost a query a batch"


@pytest.mark.parametrize(
    ("value", "code", "shown", "quality", "reason"),
    [
        (1.5, 0, 1.5, "good", "none"),
        ("idle", 0, "idle", "good", "none"),
        (0.0, bad(Reason.TIMEOUT), None, "bad", "timeout"),
        (math.nan, 0, None, "good", "none"),
        (math.inf, quality_code(Quality.UNCERTAIN, Reason.CLAMPED), None, "uncertain", "clamped"),
    ],
)
def test_a_bad_value_is_null_and_says_why(value, code, shown, quality, reason):
    data = value_data(UUID(int=1), "flow", 1_700_000_000_123_456_789, value, code)
    assert (data["value"], data["quality"], data["reason"]) == (shown, quality, reason)
    assert data["time"] == "2023-11-14T22:13:20.123456Z"
    json.dumps(data, allow_nan=False)
