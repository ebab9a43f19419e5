"""The MQTT subscriber keeps the contract of a source, on both brokers."""

import asyncio
import contextlib

import aiomqtt
import pytest

from ingest_service.settings import SubscriptionSettings
from ingest_service.subscriber import Subscriber
from protocols.topics import Up, every
from tests.ingest_service.source_contract import TOPIC, Rig, SourceContract


class MqttRig(Rig):
    def __init__(self, broker) -> None:
        self._broker = broker

    @contextlib.asynccontextmanager
    async def open(self, name="one", **limits):
        settings = SubscriptionSettings.model_validate(limits)
        async with Subscriber(self._broker.settings, settings, name, shared=[every(Up.DATA)]) as source:
            await source.wait_subscribed()
            yield source

    async def send(self, *payloads):
        async with aiomqtt.Client(self._broker.host, self._broker.port) as client:
            for payload in payloads:
                await client.publish(TOPIC, payload, qos=1)

    async def restart(self, source):
        await self._broker.stop()
        async with asyncio.timeout(15):
            while source.connected:
                await asyncio.sleep(0.02)
        source._subscribed.clear()
        await self._broker.start()
        async with asyncio.timeout(15):
            await source.wait_subscribed()

    @contextlib.asynccontextmanager
    async def listen(self, topic):
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with aiomqtt.Client(self._broker.host, self._broker.port) as client, asyncio.TaskGroup() as tasks:
            await client.subscribe(topic, qos=1)

            async def hear():
                async for message in client.messages:
                    heard.put_nowait(message.payload)

            hearing = tasks.create_task(hear())
            yield heard
            hearing.cancel()


@pytest.fixture
def rig(broker):
    return MqttRig(broker)


@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)
class TestMqttSubscriber(SourceContract):
    pass
