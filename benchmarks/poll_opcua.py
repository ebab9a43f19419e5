"""The gateway on 10,000 OPC UA items that change every second, every value verified from the server to the broker.

    asyncua server process ◄──one subscription── gateway process (fit, stamp, spool, publish) ──► broker ──► verifier
                           ◄──one subscription── bare asyncua client (afterwards): what decoding alone costs there

A value tells its item and the number of its change, and its source time is known, so a wrong, doubled, lost or wrongly
stamped value is found. 10,000 changes a second are about what the server's process brings forth (57 µs each).
"""

import asyncio
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import psutil
from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from numpy.typing import NDArray

from benchmarks.figures import figure
from benchmarks.opcua_items import ITEMS, PERIOD_S, SCALE, URI, Produced, serve, shown
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.opcua.binary import Reader
from protocols.opcua.data_values import read_data_values
from protocols.opcua.points import Points
from protocols.opcua.settings import OpcuaTag
from protocols.opcua.stamps import Stamps
from protocols.opcua.values import columns, fit
from protocols.sample import Quality, Reason, quality_code
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import columnar, receipt
from protocols.wire.batch import Batch
from runtime.clock import NS_PER_S
from runtime.ports import free_ports

BENCH = "poll_opcua"
WARM_UP_S, MEASURED_S, SETTLE_S = 10.0, 20.0, 15.0
TURNS = 20
STALE = quality_code(Quality.UNCERTAIN, Reason.STALE)
ADDRESS = GatewayAddress("bench", "gw-1")

Rows = dict[str, NDArray[Any]]

_spawn = multiprocessing.get_context("spawn")


# The two that are measured


def gateway_toml(folder: Path, broker: BrokerSettings, port: int) -> Path:
    """A configuration of the real daemon: one device, subscribed."""
    lines = [
        f'tenant = "{ADDRESS.tenant}"\ngateway = "{ADDRESS.gateway}"',
        f'[broker]\nhost = "{broker.host}"\nport = {broker.port}',
        f'[spool]\npath = "{folder / "gw.spool"}"',
        '[[devices]]\nname = "plant"\nprotocol = "opcua"',
        f'[devices.opcua]\nurl = "opc.tcp://127.0.0.1:{port}/bench"',
    ]
    lines += [f'[[devices.tags]]\ntag = "item-{item:05}"\nnode = "nsu={URI};i={item}"' for item in range(ITEMS)]
    path = folder / "gateway.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def bare(port: int) -> None:
    """The same subscription with asyncua alone, into nothing."""
    asyncio.run(_bare(port))


class _Nothing:
    def datachange_notification(self, node: object, value: object, data: object) -> None:
        """Called by asyncua for every change."""


async def _bare(port: int) -> None:
    async with Client(f"opc.tcp://127.0.0.1:{port}/bench", timeout=30, watchdog_intervall=30) as client:
        index = await client.get_namespace_index(URI)
        subscription = await client.create_subscription(500, _Nothing())
        for begin in range(0, ITEMS, 1000):
            nodes = [client.get_node(ua.NodeId(item, index)) for item in range(begin, begin + 1000)]
            await subscription.subscribe_data_change(nodes, queuesize=50)
        while client.state is UaClientState.CONNECTED:
            await asyncio.sleep(1)


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

    def count(self, since_change: int) -> int:
        """How many samples show this change or a later one."""
        values = [column.value for batch in list(self.batches.values()) for column in batch.columns]
        return int(sum(np.count_nonzero(value >= since_change) for value in values))

    def rows(self, until_change: int) -> Rows:
        """The columns of all samples up to this change, by alias and value."""
        columns = [column for _, batch in sorted(self.batches.items()) for column in batch.columns]
        if sorted(self.batches) != list(range(1, len(self.batches) + 1)):
            raise RuntimeError("a batch is missing")
        joined = {
            name: np.concatenate([getattr(column, name) for column in columns])
            for name in ("alias", "time_ns", "value", "code")
        }
        order = np.lexsort((joined["value"], joined["alias"]))
        order = order[joined["value"][order] < until_change + 1]
        return {name: column[order] for name, column in joined.items()}


def lost(rows: Rows, produced: Produced) -> int:
    """How many changes did not come. Raises RuntimeError when one is wrong, doubled or has another time."""
    alias, value, code = rows["alias"], rows["value"], rows["code"]
    change = np.floor(value)
    first = np.diff(alias, prepend=-1) != 0
    if np.any(value != change + alias / SCALE):
        raise RuntimeError(f"{np.count_nonzero(value != change + alias / SCALE)} of {len(value)} values are wrong")
    if np.any((code != 0) & ~(first & (code == STALE))):
        raise RuntimeError("a sample is not good, and not what an item showed first")
    due_ns = produced.begun_ns + (change * PERIOD_S * NS_PER_S).astype(np.int64)
    if np.any((rows["time_ns"] != due_ns) & (code == 0)):
        raise RuntimeError("a sample has another time than its source said")
    steps = np.diff(change)[~first[1:]]
    if np.any(steps == 0):
        raise RuntimeError("a change came twice")
    last = change[np.append(first[1:], True)]
    return int(np.sum(steps - 1) + np.sum(produced.changes - last)) + ITEMS - len(last)


# What remains when nothing but a message and its columns are looked at


def decoding() -> tuple[float, float]:
    """Items a second from bytes to stamped columns, and those that asyncua alone makes objects of."""
    notification = ua.DataChangeNotification()
    notification.MonitoredItems = [
        ua.MonitoredItemNotification(item, shown(1, item, datetime.now(UTC))) for item in range(ITEMS)
    ]
    octets = struct_to_binary(notification)
    tags = {item: OpcuaTag(tag=f"item-{item:05}", node=f"i={item}") for item in range(ITEMS)}
    points, stamps = Points(tags, 4096), Stamps(ITEMS, "source")

    def ours() -> None:
        values = read_data_values(Reader(octets), handles=True)
        slots = values.handle.astype(np.int64)
        code = fit(points, slots, values)
        columns(points, slots, values, stamps.of(slots, values, code, time.time_ns()), code)

    return _rate(ours), _rate(lambda: struct_from_binary(ua.DataChangeNotification, Buffer(octets)))


def _rate(work: Callable[[], object]) -> float:
    """The best of some turns, so that what else the machine does is left out."""
    took_s = []
    for _ in range(TURNS):
        begun_s = time.perf_counter()
        work()
        took_s.append(time.perf_counter() - begun_s)
    return ITEMS / min(took_s)


def main() -> None:
    asyncio.run(_main())
    ours, theirs = decoding()
    figure(BENCH, "decode_items_per_s", ours, "1/s", peer="asyncua", ratio=ours / theirs)


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ours, theirs = _spawn.Pipe()
        port = free_ports()[0]
        server = _spawn.Process(target=serve, args=(port, theirs), daemon=True)
        server.start()
        verifier = Verifier()
        try:
            await asyncio.to_thread(ours.recv)
            async with Broker(folder / "broker") as broker:
                listening = asyncio.create_task(verifier.run(broker.settings))
                config = gateway_toml(folder, broker.settings, port)
                command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
                with subprocess.Popen(command, stderr=subprocess.DEVNULL) as gateway:
                    cpu, rss_bytes = await _measured(gateway.pid)
                    ours.send("enough")
                    produced: Produced = await asyncio.to_thread(ours.recv)
                    await _settled(verifier, produced)
                    gateway.terminate()
                listening.cancel()
            peer = _spawn.Process(target=bare, args=(port,), daemon=True)
            peer.start()
            bare_cpu, _ = await _measured(peer.pid or 0)
            if not peer.is_alive():
                raise RuntimeError("the bare client failed")
            peer.kill()
        finally:
            server.kill()
    tell(verifier, produced, cpu, bare_cpu, rss_bytes)


async def _measured(pid: int) -> tuple[float, int]:
    """CPU seconds per second of a process after the warm-up, and its resident memory."""
    watched = psutil.Process(pid)
    await asyncio.sleep(WARM_UP_S)
    before_s, begun_s = _cpu_s(watched), time.monotonic()
    await asyncio.sleep(MEASURED_S)
    elapsed_s = time.monotonic() - begun_s
    return (_cpu_s(watched) - before_s) / elapsed_s, watched.memory_info().rss


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _settled(verifier: Verifier, produced: Produced) -> None:
    """Wait until the last change of every item has come, or does not."""
    for _ in range(round(SETTLE_S / 0.5)):
        if verifier.count(produced.changes) >= ITEMS:
            return
        await asyncio.sleep(0.5)


def tell(verifier: Verifier, produced: Produced, cpu: float, bare_cpu: float, rss_bytes: int) -> None:
    missing = lost(verifier.rows(produced.changes), produced)
    figure(BENCH, "items_per_s", ITEMS * produced.changes / produced.took_s, "1/s")
    figure(BENCH, "lost", missing, "")
    figure(BENCH, "cpu_share", cpu, "cores", peer="bare asyncua client", ratio=cpu / bare_cpu)
    figure(BENCH, "rss_mb", rss_bytes / 1e6, "MB")
    if missing:
        sys.exit(f"{missing} changes were lost")


if __name__ == "__main__":
    main()
