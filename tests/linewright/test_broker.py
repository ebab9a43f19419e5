"""Both brokers: messages pass, MQTT 5 shares, an outage ends where it began, nothing outlives its parent."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.client import MQTTv5

from linewright.broker import Broker

both = pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)


def gateway(broker: Broker) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port)


def ingest(broker: Broker) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.settings.mqtt5_port, protocol=aiomqtt.ProtocolVersion(MQTTv5))


async def take(client: aiomqtt.Client, wanted: int, taken: list[bytes]) -> None:
    async with asyncio.timeout(5):
        async for message in client.messages:
            taken.append(bytes(message.payload))
            if len(taken) == wanted:
                return


@both
async def test_what_a_gateway_sends_in_3_1_1_is_shared_among_mqtt_5_workers(broker):
    async with ingest(broker) as one, ingest(broker) as two, gateway(broker) as sender:
        taken: list[bytes] = []
        for worker in (one, two):
            await worker.subscribe("$share/ingest/lw/1/+/+/up/data", qos=1)
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(take(worker, 100, taken)) for worker in (one, two)]
            for number in range(100):
                await sender.publish("lw/1/a/b/up/data", b"%d" % number, qos=1)
            _done, late = await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
            for task in late:
                task.cancel()
        assert sorted(map(int, taken)) == list(range(100))


@both
async def test_it_comes_back_on_its_port_after_an_outage(broker):
    before = broker.settings
    await broker.stop()
    with pytest.raises(aiomqtt.MqttError):
        async with gateway(broker):
            pass
    await broker.start()
    assert broker.settings == before
    async with gateway(broker), ingest(broker):
        pass


@both
async def test_it_stops_within_two_seconds_with_clients_connected(broker):
    async with ingest(broker) as client:
        await client.subscribe("#")
        started = time.monotonic()
        await broker.stop()
        assert time.monotonic() - started < 2
        client._disconnected.exception()  # already told
    await broker.start()


@pytest.mark.parametrize("program", ["mosquitto", "iotcore"])
async def test_it_dies_with_its_parent(program, open_folder):
    script = f"""
import asyncio
from pathlib import Path
from linewright.broker import Broker
async def main():
    async with Broker(Path({str(open_folder / ("orphan-" + program))!r}), program={program!r}) as broker:
        print(broker.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    child = int(await asyncio.wait_for(parent.stdout.readline(), 15))
    watched = os.pidfd_open(child)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watched, gone.set)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await asyncio.wait_for(gone.wait(), 3)
    asyncio.get_running_loop().remove_reader(watched)
    os.close(watched)
