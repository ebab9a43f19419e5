"""The gateway against its physical limit: 100 Modbus devices of 100 float32 each, every second, every value verified.

    simulator process: 100 ports ◄── gateway process (poll, decode, quality, spool, publish) ──► broker ──► verifier
                       100 ports ◄── bare pymodbus process: the same blocks, nothing else

Both run at the same time, so that whatever else the machine does disturbs both. CPU seconds are those of the gateway
and of the bare loop alone, after a warm-up. A value tells register, device and the number of its reading, so a wrong,
doubled or lost value is found.
"""

import asyncio
import multiprocessing
import struct
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import psutil
from numpy.typing import NDArray
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadHoldingRegistersResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.figures import figure
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import columnar, receipt
from protocols.wire.batch import Batch

BENCH = "poll_modbus"
DEVICES, TAGS = 100, 100
PERIOD_S = 1.0
WARM_UP_S, MEASURED_S = 6.0, 20.0
BLOCKS = ((0, 124), (124, 76))  # the fewest of at most 125 registers that hold 100 float32 whole
ADDRESS = GatewayAddress("bench", "gw-1")

_spawn = multiprocessing.get_context("spawn")


# The simulator: value = reading number of the block + device / 128 + tag / 16384, exact in float32 below 512 readings


def simulate(told: Connection) -> None:
    """Serve one free port a device, tell which, and go on until killed."""
    asyncio.run(_serve(told))


async def _serve(told: Connection) -> None:
    nothing = SimDevice(0, simdata=[SimData(0, count=1, datatype=DataType.REGISTERS)])
    ports = []
    for device in range(2 * DEVICES):
        server = ModbusTcpServer(
            nothing, address=("127.0.0.1", 0), ignore_missing_devices=True, custom_pdu=[_reading(device % DEVICES)]
        )
        await server.serve_forever(background=True)
        listening: Any = server.transport
        ports.append(int(listening.sockets[0].getsockname()[1]))
    told.send(ports)
    await asyncio.Event().wait()


def _reading(device: int) -> type[ModbusPDU]:
    readings: dict[int, int] = {}

    class ReadHolding(ReadHoldingRegistersRequest):
        async def datastore_update(self, context: Any, device_id: int) -> ModbusPDU:  # noqa: ARG002
            reading = readings[self.address] = readings.get(self.address, 0) + 1
            tags = np.arange(self.address // 2, (self.address + self.count) // 2)
            values = (reading + device / 128 + tags / 16384).astype(">f4")
            return ReadHoldingRegistersResponse(registers=list(struct.unpack(f">{self.count}H", values.tobytes())))

    return ReadHolding


# The two that are compared


def gateway_toml(folder: Path, broker: BrokerSettings, ports: list[int]) -> Path:
    """A configuration of the real daemon: one device a port."""
    lines = [
        f'tenant = "{ADDRESS.tenant}"\ngateway = "{ADDRESS.gateway}"',
        f'[broker]\nhost = "{broker.host}"\nport = {broker.port}',
        f'[spool]\npath = "{folder / "gw.spool"}"',
    ]
    for device, port in enumerate(ports):
        lines.append(f'[[devices]]\nname = "device-{device:03}"\nprotocol = "modbus"')
        lines.append(f'[devices.modbus]\nhost = "127.0.0.1"\nport = {port}')
        for tag in range(TAGS):
            lines.append(f'[[devices.tags]]\ntag = "tag-{tag:03}"\naddress = "holding:{2 * tag}"')
            lines.append(f'type = "float32"\nperiod_s = {PERIOD_S}')
    path = folder / "gateway.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def bare(ports: list[int]) -> None:
    """The same requests with pymodbus alone: what reading costs at least."""
    asyncio.run(_bare(ports))


async def _bare(ports: list[int]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for place, port in enumerate(ports):
            tasks.create_task(_bare_device(port, place * PERIOD_S / len(ports)))


async def _bare_device(port: int, phase_s: float) -> None:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    loop = asyncio.get_running_loop()
    due_s = loop.time() + phase_s
    while True:
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        due_s += PERIOD_S
        for address, count in BLOCKS:
            answer = await client.read_holding_registers(address, count=count, device_id=1)
            if answer.isError():
                raise RuntimeError(f"{port}: {answer}")


# The other end


class Verifier:
    """Takes every batch, receipts it, and keeps its columns to be checked afterwards."""

    def __init__(self) -> None:
        self.batches: dict[int, Batch] = {}

    async def run(self, broker: BrokerSettings) -> None:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.subscribe(ADDRESS.up(Up.DATA), qos=1)
            async for message in client.messages:
                batch = columnar.decode(bytes(message.payload))
                assert batch.header
                self.batches[batch.header.seq] = batch
                body = receipt.Receipt(run=batch.header.run_id, committed=[(1, max(self.batches))], credit=256)
                await client.publish(ADDRESS.down(Down.RECEIPT), receipt.encode(body), qos=1)

    def rows(self) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.float64]]:
        """Alias, time and value of every sample, by alias and time."""
        columns = [column for _, batch in sorted(self.batches.items()) for column in batch.columns]
        if sorted(self.batches) != list(range(1, len(self.batches) + 1)):
            raise RuntimeError("a batch is missing")
        if any(column.code.any() for column in columns):
            raise RuntimeError("a sample is not good")
        alias = np.concatenate([column.alias for column in columns])
        time_ns = np.concatenate([column.time_ns for column in columns])
        value = np.concatenate([column.value for column in columns])
        order = np.lexsort((time_ns, alias))
        return alias[order], time_ns[order], value[order]


def verify(alias: NDArray[np.uint32], value: NDArray[np.float64]) -> None:
    """Alias = device * TAGS + tag (both are sorted by name); the readings of an alias must count up by one."""
    reading = np.floor(value)
    wanted = (reading + (alias // TAGS) / 128 + (alias % TAGS) / 16384).astype(np.float32)
    steps = np.diff(reading)[np.diff(alias) == 0]
    if len(np.unique(alias)) != DEVICES * TAGS:
        raise RuntimeError("a tag never came")
    if wrong := np.count_nonzero(wanted != value) + np.count_nonzero(steps != 1):
        raise RuntimeError(f"{wrong} of {len(value)} values are wrong, twice or missing")


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        hears, tells = _spawn.Pipe(duplex=False)
        simulator = _spawn.Process(target=simulate, args=(tells,), daemon=True)
        simulator.start()
        try:
            ports = await asyncio.to_thread(hears.recv)
            async with Broker(folder / "broker") as broker:
                verifier = Verifier()
                listening = asyncio.create_task(verifier.run(broker.settings))
                peer = _spawn.Process(target=bare, args=(ports[DEVICES:],), daemon=True)
                peer.start()
                config = gateway_toml(folder, broker.settings, ports[:DEVICES])
                command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
                with subprocess.Popen(command, stderr=subprocess.DEVNULL) as ours:
                    (cpu, bare_cpu), rss_bytes = await _measured([ours.pid, peer.pid or 0])
                    ours.terminate()
                if not peer.is_alive():
                    raise RuntimeError("the bare loop failed")
                peer.kill()
                listening.cancel()
        finally:
            simulator.kill()
    tell(verifier, cpu, bare_cpu, rss_bytes)


async def _measured(pids: list[int]) -> tuple[list[float], int]:
    """CPU seconds per second of these processes after the warm-up, and the resident memory of the first."""
    watched = [psutil.Process(pid) for pid in pids]
    await asyncio.sleep(WARM_UP_S)
    before, started_s = [_cpu_s(process) for process in watched], time.monotonic()
    await asyncio.sleep(MEASURED_S)
    elapsed_s = time.monotonic() - started_s
    used_s = [_cpu_s(process) - start_s for process, start_s in zip(watched, before, strict=True)]
    return [each_s / elapsed_s for each_s in used_s], watched[0].memory_info().rss


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def tell(verifier: Verifier, cpu: float, bare_cpu: float, rss_bytes: int) -> None:
    alias, time_ns, value = verifier.rows()
    verify(alias, value)
    intervals_ms = np.diff(time_ns)[np.diff(alias) == 0] / 1e6
    late_ms = np.abs(intervals_ms - 1000 * PERIOD_S)
    figure(BENCH, "tags_per_s", DEVICES * TAGS * 1000 / float(intervals_ms.mean()), "1/s")
    figure(BENCH, "ratio_to_pymodbus", bare_cpu / cpu, "", peer="bare pymodbus loop", ratio=bare_cpu / cpu)
    figure(BENCH, "cpu_share", cpu, "cores", peer="bare pymodbus loop", ratio=cpu / bare_cpu)
    figure(BENCH, "rss_mb", rss_bytes / 1e6, "MB")
    figure(BENCH, "jitter_p99_ms", float(np.percentile(late_ms, 99)), "ms")


if __name__ == "__main__":
    main()
