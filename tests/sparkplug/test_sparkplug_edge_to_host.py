"""Gateway → mosquitto → our own Sparkplug host: the same values at the same times as over our own uplink."""

import asyncio

import aiomqtt
import pytest

from ingest_service.delivery import Message
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.sparkplug.settings import SparkplugSettings
from protocols.sample import GOOD
from runtime.clock import SystemClock
from tests.edge_gateway.other_ends import Plc, gateway, listening
from tests.sparkplug.edge_rig import Plant, stored_values

pytestmark = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)


@pytest.fixture
async def plant(tmp_path, free_port):
    async with Plc(free_port()) as press, Plc(free_port()) as pump:
        yield Plant(press, pump, tmp_path)


class Understood:
    """Everything that our host makes of what a broker brings."""

    def __init__(self) -> None:
        self.reader = SparkplugReader(Host(SparkplugSettings(), SystemClock()), ())
        self.values: set[tuple[str, str, int, object]] = set()
        self.refused: list[object] = []
        self.changed = asyncio.Event()

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._take(Message(str(message.topic), bytes(message.payload)))
            self.changed.set()

    def _take(self, message: Message) -> None:
        reading = self.reader.read(message)
        if reading is None:
            return
        if reading.content.batch is None:
            self.refused.append(reading.content.refusal)
            return
        batch = reading.content.batch
        for column in batch.columns:
            good = column.code == GOOD
            listed = (array[good].tolist() for array in (column.alias, column.time_ns, column.value))
            for alias, time_ns, value in zip(*listed, strict=True):
                self.values.add((*batch.names[alias], time_ns // 1_000_000, value))

    def machines(self) -> set[tuple[str, str, int, object]]:
        """Without what the gateway says of itself."""
        return {value for value in self.values if value[0] in {"press-1", "pump-2"}}


async def test_our_host_understands_our_edge_node(plant, broker):
    settings = plant.settings(broker, history_batches_per_s=200)
    understood = Understood()
    async with listening(broker.settings) as ingest, aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("spBv1.0/#", qos=1)
        listener = asyncio.create_task(understood.listen(client))
        try:
            async with gateway(settings):
                await _told(understood, 6)
                await plant.pump.stop()
                await plant.pump.start()
                await _told(understood, len(understood.machines()) + 12)
            async with gateway(settings):
                await _told(understood, len(understood.machines()) + 12)
            await ingest.until(lambda: understood.machines() <= stored_values(ingest))
            async with asyncio.timeout(10):
                while stored_values(ingest) - understood.machines():
                    await asyncio.sleep(0.05)
        finally:
            listener.cancel()
    assert understood.refused == []
    assert list(understood.reader._host.requests()) == []


async def _told(understood: Understood, wanted: int) -> None:
    async with asyncio.timeout(20):
        while len(understood.machines()) < wanted:
            understood.changed.clear()
            await understood.changed.wait()
