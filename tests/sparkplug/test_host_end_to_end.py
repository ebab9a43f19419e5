"""An edge node of somebody else → mosquitto → the ingest process → the database."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import aiomqtt
import psycopg
import pytest

from protocols.naming import slug
from protocols.sample import Reason, bad
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric, Property
from tests.ingest_service.gateway_double import ingest
from tests.sparkplug.host_parts import Edge, data, speed

pytestmark = [pytest.mark.parametrize("broker", ["mosquitto"], indirect=True), pytest.mark.usefixtures("tenant")]

SAMPLES = """
SELECT machine.slug || '/' || tag.slug, sample.value, sample.quality FROM telemetry.sample
JOIN registry.tag USING (series_id) JOIN registry.machine ON machine.id = tag.machine_id
WHERE sample.time >= now() - interval '1 hour' ORDER BY sample.time, 1
"""
TAGS = """
SELECT machine.name, tag.name, tag.slug, unit, kind FROM registry.tag
JOIN registry.machine ON machine.id = tag.machine_id
WHERE machine.slug LIKE 'press-9%' ORDER BY 2
"""
PRESS = slug("Press 9")
HOST = {"host_id": "lw", "groups": {"Demo Plant": "demo"}}


def ask(database, query: str):
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute(query).fetchall()


async def until(condition: Callable[[], object], within_s: float = 20.0):
    async with asyncio.timeout(within_s):
        while not (answer := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.05)
        return answer


async def test_births_name_data_and_deaths_make_it_bad(broker, database):
    now = time.time_ns() // 1_000_000
    edge = Edge("gw-1", "Demo Plant")
    unit = {"engUnit": Property(DataType.STRING, "rpm")}
    state = Metric("Spindle/State", DataType.STRING, "run", alias=2, timestamp_ms=now - 2000)
    messages = [
        edge.nbirth(),
        edge.dbirth("Press 9", replace(speed(1.0, now - 2000), properties=unit), state),
        edge.ddata("Press 9", data(2.0, now - 1000), replace(state, name=None, value="idle", timestamp_ms=now - 1000)),
        edge.ddata("Press 9", data(2.0, now - 1000)),  # told twice: one row
        edge.ndeath(),
    ]
    async with ingest(broker, database, sparkplug=HOST), aiomqtt.Client(broker.host, broker.port) as client:
        await _host_is_there(client)
        for message in messages:
            await client.publish(message.topic, message.payload)
        rows = await until(lambda: found if len(found := ask(database, SAMPLES)) >= 3 else None)
    assert [(tag, None if quality else value, quality) for tag, value, quality in rows] == [
        (f"{PRESS}/speed", 1.0, 0),
        (f"{PRESS}/speed", 2.0, 0),
        (f"{PRESS}/speed", None, bad(Reason.DISCONNECTED)),
    ]
    texts = ask(database, "SELECT value, quality FROM telemetry.text_sample ORDER BY time")
    assert texts == [("run", 0), ("idle", 0), (None, bad(Reason.DISCONNECTED))]
    assert ask(database, TAGS) == [
        ("Press 9", "Spindle/State", slug("Spindle/State"), "", "text"),
        ("Press 9", "speed", "speed", "rpm", "float"),
    ]


async def test_an_edge_node_that_nobody_registered_stores_nothing(broker, database):
    async with (
        ingest(broker, database, sparkplug=HOST, catalog_wait_s=0) as running,
        aiomqtt.Client(broker.host, broker.port) as client,
    ):
        await _host_is_there(client)
        stranger, known = Edge("stranger", "Demo Plant"), Edge("gw-1", "Demo Plant")
        for edge in (stranger, known):
            message = edge.nbirth(speed(at_ms=time.time_ns() // 1_000_000))
            await client.publish(message.topic, message.payload)
        rows = await until(lambda: ask(database, SAMPLES))
        assert not running.done()
    assert [tag for tag, *_ in rows] == ["gw-1/speed"]
    assert ask(database, "SELECT count(*) FROM registry.machine WHERE slug = 'stranger'") == [(0,)]


async def _host_is_there(client: aiomqtt.Client) -> None:
    """As an edge node with a primary host waits for it."""
    await client.subscribe("spBv1.0/STATE/lw", qos=1)
    async with asyncio.timeout(20):
        async for message in client.messages:
            if b'"online":true' in bytes(message.payload):
                return
