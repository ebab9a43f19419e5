"""The subscription against both brokers: bounded, acknowledged only on its own connection, back after an outage."""

import asyncio

import aiomqtt
import pytest

from ingest_service.settings import SubscriptionSettings
from ingest_service.subscriber import Subscriber

pytestmark = pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)
TOPIC = "lw/1/demo/gw-1/up/data"
FILTER = "lw/1/+/+/up/data"


async def publish(broker, payloads) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        for payload in payloads:
            await client.publish(TOPIC, payload, qos=1)


async def gather(feed, wanted: int) -> list:
    taken = []
    async with asyncio.timeout(10):
        while len(taken) < wanted:
            taken += await feed.burst()
    return taken


async def test_an_acknowledgement_is_dropped_when_its_connection_is_gone(broker, monkeypatch):
    async with Subscriber(broker.settings, SubscriptionSettings(), "test", shared=[FILTER]) as feed:
        await feed.wait_subscribed()
        sent: list[int] = []
        really = feed._client.ack
        monkeypatch.setattr(feed._client, "ack", lambda mid, qos: (sent.append(mid), really(mid, qos))[1])
        await publish(broker, [b"before"])
        before = await gather(feed, 1)
        feed._subscribed.clear()
        await broker.stop()
        await broker.start()
        async with asyncio.timeout(15):
            await feed.wait_subscribed()
        await publish(broker, [b"after"])
        after = await gather(feed, 1)
        assert (before[0].connection, after[0].connection) == (1, 2)
        feed.acknowledge(before)
        assert sent == []
        feed.acknowledge(after)
        assert sent == [after[0].mid]
        assert feed.fill == 0.0


async def test_a_group_divides_the_messages_and_two_groups_each_get_all(broker):
    ingest, anomaly = SubscriptionSettings(), SubscriptionSettings(group="anomaly")
    async with (
        Subscriber(broker.settings, ingest, "one", shared=[FILTER]) as one,
        Subscriber(broker.settings, ingest, "two", shared=[FILTER]) as two,
        Subscriber(broker.settings, anomaly, "three", shared=[FILTER]) as three,
    ):
        for feed in (one, two, three):
            await feed.wait_subscribed()
        await publish(broker, [b"%d" % number for number in range(40)])
        alone = await gather(three, 40)
        divided = []
        async with asyncio.timeout(10):
            while len(divided) < 40:
                divided += await one.burst(0.1) + await two.burst(0.1)
        for taken in (alone, divided):
            assert sorted(int(message.payload) for message in taken) == list(range(40))


async def test_what_a_worker_had_not_acknowledged_when_it_left_is_not_kept_for_it(broker):
    """Session expiry 0: the next one starts clean, and the gateways' spools bring back what is missing."""
    async with Subscriber(broker.settings, SubscriptionSettings(), "test", shared=[FILTER]) as feed:
        await feed.wait_subscribed()
        await publish(broker, [b"unacknowledged"])
        await gather(feed, 1)
    async with Subscriber(broker.settings, SubscriptionSettings(), "test", shared=[FILTER]) as feed:
        await feed.wait_subscribed()
        await publish(broker, [b"new"])
        assert [message.payload for message in await gather(feed, 1)] == [b"new"]
