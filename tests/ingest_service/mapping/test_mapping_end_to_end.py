"""Foreign messages through a real broker into a real database, beside those of a gateway of ours."""

import asyncio
import json
import time

import psycopg
import pytest

from tests.ingest_service.gateway_double import gateway, ingest

pytestmark = pytest.mark.usefixtures("tenant")

NEURON = {
    "name": "neuron", "topic": "neuron/{app}/upload", "tenant": "demo", "gateway": "{app}", "time": "timestamp",
    "time_unit": "ms", "machine": "{node}", "tag": "{key}",
    "values": [{"path": "values.{key}"}, {"path": "errors.{key}", "bad": True}],
}  # fmt: skip
PLAIN = {
    "name": "plain", "topic": "values/{tag#}", "tenant": "demo", "gateway": "gw-1", "format": "text",
    "machine": "plain", "tag": "{tag}", "values": [{"path": ".", "numbers_in_text": ["*"]}],
}  # fmt: skip


def ask(database, query: str):
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute(query).fetchall()


async def until(condition):
    async with asyncio.timeout(15):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


def stored(database):
    return ask(
        database,
        "SELECT machine.slug, tag.slug, value, quality FROM telemetry.sample"
        " JOIN registry.tag USING (series_id) JOIN registry.machine ON machine.id = machine_id ORDER BY 1, 2, 3",
    )


def upload(values: dict, **more) -> bytes:
    return json.dumps({"node": "Press 1", "timestamp": int(time.time() * 1000), "values": values, **more}).encode()


async def test_values_are_stored_once_and_wrong_payloads_are_dead_letters(broker, database):
    async with ingest(broker, database, mapping=[NEURON, PLAIN]), gateway(broker) as gw:
        twice = upload({"speed": 1480.5, "running": True, "curve": [1, 2]}, errors={"torque": 2014})
        for payload in (twice, twice, b'{"node": 1', upload({"x": {}})):
            await gw.client.publish("neuron/gw-1/upload", payload, qos=1)
        await gw.client.publish("values/hall/temperature", b"21.5", qos=1)
        await until(lambda: len(stored(database)) >= 4)
        await until(lambda: ask(database, "SELECT count(*) FROM telemetry.dead_letter") == [(2,)])
        await gw.publish_catalog()
        gw.add(1)
        await gw.deliver()
        assert {one.run for one in gw.receipts} == {gw.run}
    found = [row for row in stored(database) if row[1] != "tag-0"]
    assert found == [
        ("plain", "hall.temperature-7a607d", 21.5, 0),
        ("press-1-2cd0a3", "running", 1.0, 0),
        ("press-1-2cd0a3", "speed", 1480.5, 0),
        ("press-1-2cd0a3", "torque", None, 0x020C),
    ]
    letters = ask(database, "SELECT reason, detail FROM telemetry.dead_letter ORDER BY 2")
    assert [reason for reason, _ in letters] == ["undecodable"] * 2
    assert all(detail.startswith("mapping neuron: ") for _, detail in letters)


async def test_an_unknown_gateway_is_not_made_up(broker, database):
    async with ingest(broker, database, mapping=[NEURON], catalog_wait_s=0.2), gateway(broker) as gw:
        await gw.client.publish("neuron/stranger/upload", upload({"speed": 1.0}), qos=1)
        await gw.client.publish("neuron/gw-1/upload", upload({"speed": 2.0}), qos=1)
        await until(lambda: stored(database))
    assert [row[2] for row in stored(database)] == [2.0]
    assert ask(database, "SELECT slug FROM registry.gateway") == [("gw-1",)]
