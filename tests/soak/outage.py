"""A broker that is away for days at 1,000 tags a second, and what happens when it is back (A12).

    python -m tests.soak.outage --hours 72

    72 h of batches ──fast clock──► spool file      then: gateway, with live devices ──► broker ──► receiver

Every sample of the backlog is counted and compared with what it must be; the live samples must be there within two
seconds all the while. Prints one JSON object; exit 0 only when nothing is lost, wrong, doubled or out of order, the
backlog came at least five times as fast as it was measured, and no live batch was late.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.modbus_plant import Plant, gateway_toml
from edge_gateway.catalog import number
from edge_gateway.keep import Group, Keep
from edge_gateway.settings import GatewaySettings
from edge_gateway.spool.file import Commit, SpoolFile
from ingest_service.ledger import Ranges
from linewright.broker import Broker
from protocols.sample import GOOD, Column, Columns, ValueKind
from protocols.wire import catalog as catalogs
from runtime.clock import NS_PER_S, ClockState
from runtime.settings import load
from tests.soak.receiving import Receiver
from tests.soak.simulated import devices, gateway

PLANT = Plant(devices=10, period_s=1.0)
TAGS = 1000
RUN = UUID(int=72)
CAP_BYTES = 8 << 30
TIMES_LIVE_LEAST, LIVE_LATE_S = 5.0, 2.0
_SETTLED_S = 3.0
_ALIASES = np.arange(TAGS, dtype=np.uint32)


def truth(alias: NDArray[np.uint32], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """What a tag showed in that second: 20 bits that look like noise, so that they do not compress too well."""
    return ((alias * np.int64(2_654_435_761) + second * np.int64(40_503) * (alias + 1)) % (1 << 20)) / 1024


@dataclass
class Account:
    """What came of the backlog."""

    began_ns: int
    seconds: int
    samples: int = 0
    wrong: int = 0
    out_of_order: int = 0
    live_batches: int = 0
    live_late: int = 0
    live_slowest_s: float = 0.0
    live_from_s: float = 0.0
    newest: NDArray[np.int64] = field(default_factory=lambda: np.full(TAGS, -1, np.int64))
    seen: NDArray[np.int64] = field(default_factory=lambda: np.zeros(TAGS, np.int64))

    def take(self, run: UUID, columns: Columns) -> None:
        for column in columns:
            if run == RUN:
                self._take_backlog(column)
            else:
                self._take_live(column)

    def _take_backlog(self, column: Column) -> None:
        alias, second = column.alias, (column.time_ns - self.began_ns) // NS_PER_S
        self.samples += len(alias)
        self.wrong += int(np.count_nonzero((column.code != GOOD) | (column.value != truth(alias, second))))
        order = np.argsort(alias, kind="stable")
        before, behind = order[:-1], order[1:]
        same = alias[before] == alias[behind]
        self.out_of_order += int(np.count_nonzero(second[behind][same] <= second[before][same]))
        first = np.concatenate([[True], ~same])
        self.out_of_order += int(np.count_nonzero(second[order][first] <= self.newest[alias[order][first]]))
        np.maximum.at(self.newest, alias, second)
        np.add.at(self.seen, alias, 1)

    def _take_live(self, column: Column) -> None:
        """What was measured now; that nothing was measured before (restart_gap) is old by its nature."""
        good = column.time_ns[column.code == GOOD]
        if time.monotonic() < self.live_from_s or not len(good):
            return
        late_s = time.time() - int(good.min()) / NS_PER_S
        self.live_batches += 1
        self.live_late += late_s > LIVE_LATE_S
        self.live_slowest_s = max(self.live_slowest_s, late_s)

    @property
    def lost(self) -> int:
        return int(np.maximum(self.seconds - self.seen, 0).sum())

    @property
    def doubled(self) -> int:
        return int(np.maximum(self.seen - self.seconds, 0).sum())


def write_backlog(settings: GatewaySettings, began_ns: int, seconds: int) -> dict[str, float]:
    """What a gateway without a broker writes: every second a batch of all tags."""
    numbering = number(settings.devices, settings.derived)
    spool = SpoolFile(settings.spool.path, settings.spool.max_bytes, settings.spool.keep_receipted_s)
    spool.open()
    spool.begin_runs({Keep.NORMAL: RUN}, numbering.catalog.revision, catalogs.encode(numbering.catalog), began_ns)
    codes, dropped, begun_s = np.zeros(TAGS, np.uint16), 0, time.monotonic()
    for second in range(seconds):
        now_ns = began_ns + second * NS_PER_S
        values = truth(_ALIASES, np.full(TAGS, second, np.int64))
        column = Column(ValueKind.FLOAT, _ALIASES, np.full(TAGS, now_ns, np.int64), values, codes)
        written = spool.write(Commit([Group(Keep.NORMAL, (column,))], [], now_ns, ClockState.UNKNOWN))
        dropped += written.dropped_samples + written.thinned_samples
    spool_bytes = spool.used_bytes()
    spool.close()
    return {"write_s": round(time.monotonic() - begun_s, 1), "spool_bytes": spool_bytes, "dropped": dropped}


async def drain(config: Path, broker: Broker, account: Account) -> float:
    """Start the gateway on its backlog; seconds until all of it has come."""
    receiver = Receiver(account.take)
    async with broker, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(receiver.run(broker.settings))
        async with gateway(config):
            begun_s = time.monotonic()
            account.live_from_s = begun_s + _SETTLED_S
            with contextlib.suppress(TimeoutError):  # what did not come is lost
                async with asyncio.timeout(60 + account.seconds / TIMES_LIVE_LEAST):
                    while receiver.committed.get(RUN, Ranges()).items != ((1, account.seconds),):
                        await asyncio.sleep(0.05)
            took_s = time.monotonic() - begun_s
        listening.cancel()
    return took_s


async def run(hours: float, folder: Path) -> dict[str, float]:
    """Write, drain, count."""
    seconds = round(hours * 3600)
    with devices(PLANT.devices) as ports:
        broker = Broker(folder / "broker")
        config = gateway_toml(folder, broker.settings, PLANT, ports, 0)
        config.write_text(config.read_text().replace("[spool]\n", f"[spool]\nmax_bytes = {CAP_BYTES}\n"))
        account = Account(time.time_ns() - seconds * NS_PER_S, seconds)
        written = write_backlog(load(GatewaySettings, config), account.began_ns, seconds)
        drained_s = await drain(config, broker, account)
    return written | told(hours, account, drained_s)


def told(hours: float, account: Account, drained_s: float) -> dict[str, float]:
    return {
        "hours": hours,
        "samples": account.samples,
        "lost": account.lost,
        "doubled": account.doubled,
        "wrong": account.wrong,
        "out_of_order": account.out_of_order,
        "drain_s": round(drained_s, 1),
        "times_live": round(account.samples / drained_s / TAGS, 1),
        "live_batches": account.live_batches,
        "live_late": account.live_late,
        "live_slowest_s": round(account.live_slowest_s, 2),
    }


def clean(report: dict[str, float]) -> bool:
    faults = ("dropped", "lost", "doubled", "wrong", "out_of_order", "live_late")
    return not any(report[name] for name in faults) and report["times_live"] >= TIMES_LIVE_LEAST


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=72)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="lw-outage-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        report = asyncio.run(run(chosen.hours, folder))
    print(json.dumps(report))
    sys.exit(0 if clean(report) else 1)


if __name__ == "__main__":
    main()
