"""The gateway against its physical limit, every value verified:

    slow:  100 Modbus devices of 100 float32 each, every second
    fast:   10 Modbus devices of 100 float32 each, every 100 ms

    simulator process ◄── gateway process (poll, decode, quality, spool, publish) ──► broker ──► verifier
                      ◄── bare pymodbus process: the same blocks, nothing else
                      ◄── bare libmodbus process in C: the same

All run at the same time, so that whatever else the machine does disturbs all. CPU seconds are those of the gateway and
of each bare loop alone, after a warm-up.
"""

import asyncio
import contextlib
import json
import multiprocessing
import re
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.figures import absent, figure
from benchmarks.modbus_peers import running
from benchmarks.modbus_plant import ADDRESS, TAGS, Plant, gateway_toml, simulate, values
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.sample import Column, Reason, bad
from protocols.topics import Down, Up
from protocols.wire import columnar, receipt
from protocols.wire.batch import Batch

BENCH = "poll_modbus"
SLOW, FAST = Plant(devices=100, period_s=1.0), Plant(devices=10, period_s=0.1)
WARM_UP_S, MEASURED_S = 6.0, 20.0
_OVERRUN = bad(Reason.OVERRUN)

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds per second of the gateway and of the bare loops; None: there is no C loop, `missing` says why."""

    cpu: float
    pymodbus_cpu: float
    libmodbus_cpu: float | None
    missing: str
    rss_bytes: int
    startup_s: float
    overruns: int


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
        """Alias, time and value of every sample, by alias and time; skipped polls are left out, they are counted."""
        columns = [column for _, batch in sorted(self.batches.items()) for column in batch.columns]
        if sorted(self.batches) != list(range(1, len(self.batches) + 1)):
            raise RuntimeError("a batch is missing")
        code = _joined(columns, "code")
        if np.any((code != 0) & (code != _OVERRUN)):
            raise RuntimeError("a sample is not good")
        alias, time_ns, value = (_joined(columns, name)[code == 0] for name in ("alias", "time_ns", "value"))
        order = np.lexsort((time_ns, alias))
        return alias[order], time_ns[order], value[order]


def _joined(columns: Sequence[Column], name: str) -> NDArray[np.generic]:
    return np.concatenate([getattr(column, name) for column in columns])


def verify(plant: Plant, alias: NDArray[np.uint32], value: NDArray[np.float64]) -> None:
    """Alias = device * TAGS + tag (both are sorted by name); the readings of an alias must count up by one."""
    reading = np.floor(value)
    wanted = values(reading, alias.astype(np.int64) // TAGS, alias.astype(np.int64) % TAGS)
    steps = np.diff(reading)[np.diff(alias) == 0]
    if len(np.unique(alias)) != plant.devices * TAGS:
        raise RuntimeError("a tag never came")
    if wrong := np.count_nonzero(wanted != value) + np.count_nonzero(steps != 1):
        raise RuntimeError(f"{wrong} of {len(value)} values are wrong, twice or missing")


@contextlib.contextmanager
def _simulator(plant: Plant, copies: int) -> Iterator[list[list[int]]]:
    """Ports of each copy of the plant."""
    hears, tells = _spawn.Pipe(duplex=False)
    simulator = _spawn.Process(target=simulate, args=(tells, plant.devices, copies), daemon=True)
    simulator.start()
    try:
        ports = hears.recv()
        yield [ports[copy * plant.devices : (copy + 1) * plant.devices] for copy in range(copies)]
    finally:
        simulator.kill()


@contextlib.asynccontextmanager
async def _gateway(config: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
    """The real daemon, once it says that it is ready, and how long that took."""
    command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
    begun_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr
    try:
        while json.loads(await process.stderr.readline())["event"] != "ready":
            pass
        yield process, time.monotonic() - begun_s
    finally:
        process.terminate()
        await process.communicate()


async def measure(plant: Plant, folder: Path, verifier: Verifier) -> Measured:
    """Run the gateway and its peers side by side for a while."""
    health_port = _free_port()
    with _simulator(plant, 3) as (ours, second, third):
        async with Broker(folder / "broker") as broker:
            listening = asyncio.create_task(verifier.run(broker.settings))
            config = gateway_toml(folder, broker.settings, plant, ours, health_port)
            with running(plant, (second, third), folder) as peers:
                async with _gateway(config) as (gateway, startup_s):
                    cpu, rss_bytes = await _cpu_of([gateway.pid, *peers.pids])
                    overruns = await asyncio.to_thread(_overruns, health_port)
                peers.check()
            listening.cancel()
    return Measured(cpu[0], cpu[1], cpu[2] if cpu[2:] else None, peers.missing, rss_bytes, startup_s, overruns)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as line:
        return int(line.getsockname()[1])


async def _cpu_of(pids: Sequence[int]) -> tuple[list[float], int]:
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


def _overruns(health_port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{health_port}/metrics", timeout=10) as answer:
        found = re.findall(r"^linewright_gateway_overruns_total\{.*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    return round(sum(map(float, found)))


def tell(plant: Plant, suffix: str, verifier: Verifier, measured: Measured) -> float:
    """The figures that both plants have, `suffix` tells them apart; returns the jitter in ms."""
    alias, time_ns, value = verifier.rows()
    verify(plant, alias, value)
    intervals_ms = np.diff(time_ns)[np.diff(alias) == 0] / 1e6
    tags_per_s = plant.devices * TAGS * 1000 / float(intervals_ms.mean())
    per_10k, ratio, peer = 10_000 / tags_per_s, measured.pymodbus_cpu / measured.cpu, "bare pymodbus loop"
    figure(BENCH, f"tags_per_s{suffix}", tags_per_s, "1/s")
    figure(BENCH, f"ratio_to_pymodbus{suffix}", ratio, "", peer=peer, ratio=ratio)
    figure(BENCH, f"cpu_s_per_10k_tags{suffix}", measured.cpu * per_10k, "s", peer=peer, ratio=1 / ratio)
    figure(BENCH, f"pymodbus_cpu_s_per_10k_tags{suffix}", measured.pymodbus_cpu * per_10k, "s")
    name = f"libmodbus_cpu_s_per_10k_tags{suffix}"
    if measured.libmodbus_cpu is None:
        absent(BENCH, name, "s", measured.missing)
    else:
        figure(BENCH, name, measured.libmodbus_cpu * per_10k, "s")
    figure(BENCH, f"overruns{suffix}", measured.overruns, "")
    return float(np.percentile(np.abs(intervals_ms - 1000 * plant.period_s), 99))


def run(plant: Plant, suffix: str) -> tuple[Measured, float]:
    """Measure a plant and tell its figures."""
    with tempfile.TemporaryDirectory(prefix="lw-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        verifier = Verifier()
        measured = asyncio.run(measure(plant, folder, verifier))
    return measured, tell(plant, suffix, verifier, measured)


def main() -> None:
    measured, _ = run(SLOW, "")
    figure(BENCH, "rss_mb", measured.rss_bytes / 1e6, "MB")
    figure(BENCH, "startup_s", measured.startup_s, "s")
    _, jitter_ms = run(FAST, "_at_100ms")
    figure(BENCH, "jitter_p99_ms", jitter_ms, "ms")


if __name__ == "__main__":
    main()
