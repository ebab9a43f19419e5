"""A gateway that reads 10,000 tags a second for an hour, every value compared, while its memory is watched (A1, A25).

    python -m tests.soak.polling --minutes 60

    simulator process (100 devices) ◄── gateway process ──► broker ──► receiver
                                             └── resident memory and open files, every ten seconds

Prints one JSON object; exit 0 only when no value was wrong, missing or came twice, memory stayed below 200 MB and, over
half an hour or more after the warm-up, did not grow by 1 MB an hour, and no file was left open.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.modbus_plant import TAGS, Plant, gateway_toml, values
from linewright.broker import Broker
from protocols.sample import GOOD, Columns, Reason, bad
from runtime.clock import NS_PER_S
from tests.soak.receiving import Receiver
from tests.soak.simulated import devices, gateway

PLANT = Plant(devices=100, period_s=1.0)
RSS_MOST_MB, GROWTH_MOST_MB_PER_H, FILES_MORE_MOST = 200, 1.0, 5
TAGS_PER_S_LEAST = 9_990  # 10,000 but for the jitter of the last reading
_SLOPE_SAYS_SOMETHING_S = 1800
_WARM_UP_SHARE, _WARM_UP_MOST_S = 0.3, 600
_LOOK_S = 10
_OVERRUN = bad(Reason.OVERRUN)
_TAGS_IN_ALL = PLANT.devices * TAGS


@dataclass
class Account:
    """Readings of a tag count up by one; so whatever is wrong, missing or twice breaks the count."""

    samples: int = 0
    wrong: int = 0
    not_in_turn: int = 0
    overruns: int = 0
    not_good: int = 0
    last: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_TAGS_IN_ALL, np.int64))
    first_ns: NDArray[np.int64] = field(default_factory=lambda: np.full(_TAGS_IN_ALL, 1 << 62, np.int64))
    last_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_TAGS_IN_ALL, np.int64))

    def take(self, run: UUID, columns: Columns) -> None:
        del run  # there is one
        for column in columns:
            self.overruns += int(np.count_nonzero(column.code == _OVERRUN))
            self.not_good += int(np.count_nonzero((column.code != GOOD) & (column.code != _OVERRUN)))
            np.minimum.at(self.first_ns, column.alias, column.time_ns)
            np.maximum.at(self.last_ns, column.alias, column.time_ns)
            good = column.code == GOOD
            self._compare(column.alias[good].astype(np.int64), column.value[good])

    def _compare(self, alias: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        reading = np.floor(value).astype(np.int64)
        wanted = values(reading.astype(np.float64), alias // TAGS, alias % TAGS)
        self.samples += len(alias)
        self.wrong += int(np.count_nonzero(wanted != value))
        for each in np.split(np.arange(len(alias)), np.flatnonzero(np.diff(alias) <= 0) + 1):  # a reading after another
            self.not_in_turn += int(np.count_nonzero(reading[each] != self.last[alias[each]] + 1))
            self.last[alias[each]] = reading[each]

    @property
    def tags_per_s(self) -> float:
        """From the first to the last reading of each tag."""
        seconds = (self.last_ns - self.first_ns) / NS_PER_S
        return float(np.sum((self.last - 1) / np.maximum(seconds, PLANT.period_s)))


@dataclass
class Watch:
    """Memory and open files of a process, with the second of each look."""

    looks: list[tuple[float, float, int]] = field(default_factory=list)

    async def run(self, pid: int, seconds: float) -> None:
        """Look until the time is up."""
        process, begun_s = psutil.Process(pid), time.monotonic()
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            self.looks.append((elapsed_s, process.memory_info().rss / 1e6, process.num_fds()))
            await asyncio.sleep(min(_LOOK_S, seconds / 10))

    def told(self, seconds: float) -> dict[str, Any]:
        table = np.array(self.looks)
        settled = table[table[:, 0] >= min(_WARM_UP_MOST_S, seconds * _WARM_UP_SHARE)]
        slope_mb_per_s = float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0])
        long_enough = settled[-1, 0] - settled[0, 0] >= _SLOPE_SAYS_SOMETHING_S
        return {
            "rss_mb": round(float(table[:, 1].max()), 1),
            "rss_growth_mb_per_h": round(slope_mb_per_s * 3600, 2) if long_enough else None,
            "rss_by_tenth_mb": [round(float(part[:, 1].mean()), 1) for part in np.array_split(table, 10)],
            "files_more": int(settled[-1, 2] - settled[0, 2]),
        }


async def poll(folder: Path, ports: list[int], seconds: float) -> tuple[Account, Watch, Receiver]:
    """Run the gateway for so long and then in order to its end."""
    account, watch = Account(), Watch()
    receiver = Receiver(account.take)
    async with Broker(folder / "broker") as broker, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(receiver.run(broker.settings))
        async with gateway(gateway_toml(folder, broker.settings, PLANT, ports, 0)) as pid:
            await watch.run(pid, seconds)
        await asyncio.sleep(1)  # for what is on its way
        listening.cancel()
    return account, watch, receiver


def run(minutes: float, folder: Path) -> dict[str, Any]:
    """Measure and tell."""
    with devices(PLANT.devices) as ports:
        account, watch, receiver = asyncio.run(poll(folder, ports, minutes * 60))
    return {
        "minutes": minutes,
        "samples": account.samples,
        "tags_per_s": round(account.tags_per_s),
        "wrong": account.wrong,
        "not_in_turn": account.not_in_turn,
        "not_good": account.not_good,
        "overruns": account.overruns,
        "holes": receiver.holes(),
        "repeated": receiver.repeated,
        **watch.told(minutes * 60),
    }


def clean(report: dict[str, Any]) -> bool:
    growth = report["rss_growth_mb_per_h"] or 0.0
    files, rss = report["files_more"] or 0, report["rss_mb"] or 0
    faults = ("wrong", "not_in_turn", "not_good", "holes")
    fast = (report["tags_per_s"] or 0) >= TAGS_PER_S_LEAST
    bounded = growth < GROWTH_MOST_MB_PER_H and files <= FILES_MORE_MOST and rss <= RSS_MOST_MB
    return fast and bounded and not any(report[name] for name in faults)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=60)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="lw-polling-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        report = run(chosen.minutes, folder)
    print(json.dumps(report))
    sys.exit(0 if clean(report) else 1)


if __name__ == "__main__":
    main()
