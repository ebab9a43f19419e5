"""The disk of a gateway is put back from an image, and machines are copied while they run.

    python -m tests.chaos.images --rounds 20 --seed 7

- image: the spool's files are copied under a running gateway; later they take the place of the newer ones. What the
  image still holds comes again, in its old runs; what is new has a run of its own.
- twin: two machines go on in one run with the same numbers and different samples. One of each number is stored, the
  other one is flagged and kept whole.

Passes when nothing is missing or there twice, and the dead letters are the conflicts, all of them and nothing else.
"""

import asyncio
import contextlib
import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from protocols.wire import columnar
from tests.chaos.floor import Machine, floor_box
from tests.chaos.plant import Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.ingest_service.gateway_double import Gateway, gateway

SHARED, OWN, SAMPLES = 20, 30, 10
_FILES = ("", "-wal")


def copied(spool: Path, target: Path) -> None:
    """The files of a spool as they are at this moment."""
    for suffix in _FILES:
        target.with_name(target.name + suffix).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(spool.with_name(spool.name + suffix), target.with_name(target.name + suffix))


async def put_back(plant: Plant, numbers: Iterator[int], chance: random.Random) -> None:
    """Measure, copy, measure, put the copy in the place of the disk, measure."""
    machine = Machine(plant.gateways[0], plant.folder / "gw.spool")
    image = plant.folder / "image.spool"
    async with floor_box(machine, plant.broker.settings) as box:
        for place in range(4):
            await box.measure(plant.column(*itertools.islice(numbers, chance.randint(1, 40))))
            await box.settled()
            if place == 1:
                await asyncio.to_thread(copied, machine.spool, image)
    copied(image, machine.spool)
    async with floor_box(machine, plant.broker.settings) as box:
        await box.measure(plant.column(*itertools.islice(numbers, chance.randint(1, 40))))
        await box.settled()


class Twins:
    """Two machines with one run. `payloads`: every batch they made, by its content."""

    def __init__(self, plant: Plant, numbers: Iterator[int]) -> None:
        self._plant = plant
        self._numbers = numbers
        self.payloads: set[bytes] = set()

    async def play(self, chance: random.Random) -> None:
        """Both have the same first batches; from there on each measures for itself."""
        place = self._plant.gateways[0]
        async with gateway(self._plant.broker, place) as one, gateway(self._plant.broker, place) as other:
            await one.publish_catalog()
            other.run = one.run
            for seq in range(1, SHARED + 1):
                other.open[seq] = self._add(one, seq)
            for twin in (one, other):
                for seq in range(SHARED + 1, SHARED + 1 + chance.randint(1, OWN)):
                    self._add(twin, seq)
            await asyncio.gather(one.deliver(60), other.deliver(60))

    def _add(self, twin: Gateway, seq: int) -> bytes:
        payload = twin.add(seq, self._plant.column(*itertools.islice(self._numbers, SAMPLES)))
        self.payloads.add(payload)
        return payload


def conflicts(payloads: set[bytes]) -> int:
    """How many of them share a run and a number with another one, beyond the first."""
    named: dict[tuple[UUID, int], int] = {}
    for payload in payloads:
        header = columnar.read_header(payload)
        named[header.run_id, header.seq] = named.get((header.run_id, header.seq), 0) + 1
    return sum(count - 1 for count in named.values())


def flagged(plant: Plant) -> list[tuple[str, bytes]]:
    """Reason and payload of every dead letter."""
    rows = plant.ask("SELECT reason, payload FROM telemetry.dead_letter")
    return [(reason, bytes(payload)) for reason, payload in rows]


async def run(rounds: int, seed: int) -> Report:
    """So many disks put back and so many twins."""
    async with open_plant() as plant:
        return await play(plant, rounds, seed)


async def play(plant: Plant, rounds: int, seed: int) -> Report:
    """One round after the other in one database."""
    chance, numbers = random.Random(seed), itertools.count()
    async with plant.ingest():
        twins = Twins(plant, numbers)
        for _ in range(rounds):
            await put_back(plant, numbers, chance)
            await twins.play(chance)
        letters = flagged(plant)
        wanted = conflicts(twins.payloads)
        kept = [payload for reason, payload in letters if reason == "conflict" and payload in twins.payloads]
        aside = {int(value) for payload in kept for value in columnar.decode(payload).columns[0].value}
        found = plant.check(set(range(next(numbers))) - aside)
    clean = found.clean and len(set(kept)) == len(letters) == wanted > 0
    return {
        "seed": seed,
        "rounds": rounds,
        **found._asdict(),
        "conflicts": wanted,
        "flagged": len(set(kept)),
        "other_letters": len(letters) - len(kept),
        "clean": clean,
    }


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--rounds", type=int, default=20)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.rounds, chosen.seed))


if __name__ == "__main__":
    main()
