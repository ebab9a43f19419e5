"""The database goes back to an earlier point, as after a restore from backup; the gateway sends what it still holds.

    python -m tests.chaos.restore --rounds 20 --seed 7

    measure ─► stop, copy of the data folder, start ─► measure over several processes of the gateway ─► stop, the copy
    takes the place of the data, start ─► measure

The server is really stopped and its files are really exchanged, while ingest and gateway go on. The broker is bounced
now and then, for a gateway asks for its older ledgers when it connects, a few at a time. Passes when nothing is missing
that was measured before, between or after, and nothing is there twice.
"""

import asyncio
import itertools
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from linewright.children import running
from tests.chaos.floor import FloorBox, Machine, floor_box
from tests.chaos.plant import Finding, Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.chaos.workers import worker

RUNS_BETWEEN = 10  # more than a gateway asks for at one connection
_HEALED_WITHIN_S = 90.0
_BOUNCE_EVERY_S = 4.0


async def measure(box: FloorBox, plant: Plant, numbers: Iterator[int], count: int) -> None:
    """A few samples, stored and receipted."""
    await box.measure(plant.column(*itertools.islice(numbers, count)))
    await box.settled()


def copy(source: Path, target: Path) -> None:
    """The data folder of a server that is stopped, with its owners."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    for place in (source, *source.rglob("*")):
        about = place.lstat()
        shutil.chown(target / place.relative_to(source), about.st_uid, about.st_gid)


async def exchanged(plant: Plant, source: Path, target: Path) -> None:
    """Stop the server, put one folder in the place of another, start it."""
    plant.postgres.stop()
    await asyncio.to_thread(copy, source, target)
    plant.postgres.start()


async def run(rounds: int, seed: int, keep_s: float = 86_400.0, within_s: float = _HEALED_WITHIN_S) -> Report:
    """So many restores. `keep_s` 0 is the negative control: a gateway that keeps nothing cannot heal anybody."""
    chance = random.Random(seed)
    numbers = itertools.count()
    async with open_plant() as plant, running(worker(plant, 1)):
        data, backup = plant.folder / "postgres", plant.folder / "backup"
        machine = Machine(plant.gateways[0], plant.folder / "gw.spool", keep_s=keep_s)
        async with floor_box(machine, plant.broker.settings) as box:
            await measure(box, plant, numbers, 100)
        for _ in range(rounds):
            await exchanged(plant, data, backup)
            for _ in range(chance.randint(RUNS_BETWEEN, RUNS_BETWEEN + 2)):
                async with floor_box(machine, plant.broker.settings) as box:
                    await measure(box, plant, numbers, chance.randint(1, 50))
            async with floor_box(machine, plant.broker.settings) as box:
                await exchanged(plant, backup, data)
                found = await healed(box, plant, numbers, within_s)
    return {"seed": seed, "rounds": rounds, "keep_s": keep_s, **found._asdict(), "clean": found.clean}


async def healed(box: FloorBox, plant: Plant, numbers: Iterator[int], within_s: float) -> Finding:
    """Measure on until nothing is missing any more."""
    deadline = time.monotonic() + within_s
    begun = next(numbers)
    measured = set(range(begun))
    while True:
        new = next(numbers)
        await box.measure(plant.column(*({begun, new} - measured)))
        measured |= {begun, new}
        await box.settled()
        found = plant.check(measured)
        if found.clean or time.monotonic() > deadline:
            return found
        await plant.broker.stop()
        await plant.broker.start()
        await asyncio.sleep(_BOUNCE_EVERY_S)


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--rounds", type=int, default=20)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.rounds, chosen.seed))


if __name__ == "__main__":
    main()
