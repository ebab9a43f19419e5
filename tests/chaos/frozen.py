"""The database is frozen under load, as by a storage that hangs: memory stays bounded, and all goes on when it thaws.

    python -m tests.chaos.frozen --seconds 300 --seed 7

    gateways ──► broker ──► ingest ──► PostgreSQL, every process of it stopped by SIGSTOP, then continued

Nobody is told: connections stay open and do not answer. Passes when broker and ingest never take 300 MB, everything
measured until the thaw is stored within 60 s, and nothing is missing or there twice.
"""

import asyncio
import contextlib
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import psutil

from edge_gateway.uplink.delivery import Pace
from linewright.children import running
from tests.chaos.floor import FloorBox, Machine, floor_box
from tests.chaos.plant import Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.chaos.workers import worker

GATEWAYS, SAMPLES = 4, 400
RSS_MB_MOST, RECOVERED_S_MOST = 300, 60
_BEFORE_S = 3.0
_EVERY_S = 0.1


@contextlib.contextmanager
def frozen(postmaster: psutil.Process) -> Iterator[None]:
    """The server and all its processes."""
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


class Memory:
    """The most that each process ever took, looked at ten times a second."""

    def __init__(self, **pids: int) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self.mb: dict[str, float] = dict.fromkeys(pids, 0.0)

    async def watch(self) -> None:
        while True:
            for name, process in self._processes.items():
                self.mb[name] = max(self.mb[name], round(process.memory_info().rss / 1e6, 1))
            await asyncio.sleep(_EVERY_S)


@contextlib.asynccontextmanager
async def aside(work) -> AsyncIterator[None]:
    """As long as the context is open."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def load(box: FloorBox, plant: Plant, numbers: Iterator[int], chance: random.Random) -> None:
    """About 2,000 samples a second."""
    while True:
        await box.measure(plant.column(*itertools.islice(numbers, SAMPLES)))
        await asyncio.sleep(chance.uniform(0.1, 0.3))


async def run(seconds: float, seed: int) -> Report:
    """Frozen for so long."""
    numbers = itertools.count()
    async with AsyncExitStack() as stack:
        plant = await stack.enter_async_context(open_plant(GATEWAYS))
        ingest = await stack.enter_async_context(running(worker(plant, 1)))
        machines = [Machine(name, plant.folder / f"{name.gateway}.spool", Pace()) for name in plant.gateways]
        boxes = [await stack.enter_async_context(floor_box(one, plant.broker.settings)) for one in machines]
        memory = Memory(broker=plant.broker.pid, ingest=ingest.pid or 0)
        await stack.enter_async_context(aside(memory.watch()))
        async with AsyncExitStack() as loads:
            for place, box in enumerate(boxes):
                await loads.enter_async_context(aside(load(box, plant, numbers, random.Random(seed + place))))
            await asyncio.sleep(_BEFORE_S)
            with frozen(psutil.Process(plant.postgres.pid)):
                await asyncio.sleep(seconds)
        thawed_s = time.monotonic()
        await asyncio.gather(*(box.settled(4 * RECOVERED_S_MOST) for box in boxes))
        recovered_s = time.monotonic() - thawed_s
        found = plant.check(range(next(numbers)))
    return {
        "seed": seed,
        "seconds": seconds,
        **found._asdict(),
        "recovered_s": round(recovered_s, 1),
        "rss_mb": memory.mb,
        "restarts": ingest.restarts,
        "clean": found.clean and is_bounded(memory.mb, recovered_s) and not ingest.restarts,
    }


def is_bounded(rss_mb: dict[str, float], recovered_s: float, mb_most: float = RSS_MB_MOST) -> bool:
    """What the part asks for besides the samples."""
    return all(0 < mb < mb_most for mb in rss_mb.values()) and recovered_s < RECOVERED_S_MOST


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--seconds", type=float, default=300)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.seconds, chosen.seed))


if __name__ == "__main__":
    main()
