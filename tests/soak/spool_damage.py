"""Damages spools in every way a disk can, and counts what comes through.

    python -m tests.soak.spool_damage --trials 1000 --seed 1

Bits flipped, blocks zeroed, ends cut off, in the database and in its log, at random places. Each time the spool must
open; every batch of which no byte was touched must come through; nothing may come that was not written; and what does
not come must be told. Prints one JSON object; exit 0 only when clean.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog

from edge_gateway.keep import Keep
from edge_gateway.spool.carving import Pages, Record, frames
from edge_gateway.spool.connection import PAGE_BYTES
from edge_gateway.spool.rows import Opened, run_no_of, seq_of
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from edge_gateway.uplink.ranges import Ranges
from tests.edge_gateway.gateway_parts import NOW_NS
from tests.edge_gateway.spool_parts import DAY_S, MIB, keys, noise, opened, receipted, write

NAME, LOG = "gw.spool", "gw.spool-wal"
RUNS = {1: UUID(int=1), 2: UUID(int=2)}
MAX_BYTES = 64 * MIB
FRAME_HEADER = 24

RECEIPTED = {BatchKey(run, seq) for run in RUNS.values() for seq in range(1, 20)}

Place = tuple[str, int, int]  # file, from, to
Truth = dict[BatchKey, bytes]
Hits = dict[str, list[tuple[int, int]]]
END = 1 << 60


class Tracing(Pages):
    """Remembers where the pages stand that it was asked for."""

    def __init__(self, database: bytes, log: bytes) -> None:
        super().__init__(database, PAGE_BYTES, log, frames(log, PAGE_BYTES))
        self.asked: set[Place] = set()

    def page(self, number: int) -> memoryview:
        in_log = self._in_log.get(number)
        start = in_log - FRAME_HEADER if in_log else (number - 1) * PAGE_BYTES
        end = in_log + PAGE_BYTES if in_log else number * PAGE_BYTES
        self.asked.add((LOG if in_log else NAME, start, end))
        return super().page(number)

    def places(self) -> Iterator[tuple[Record, set[Place]]]:
        """Every row with the places of all that belongs to it."""
        for number in self.numbers():
            self.asked = set()
            page = self.page(number)
            leaf = set(self.asked)
            for record in self._cells(page) if page[0] == 0x0D else ():
                yield record, leaf | self.asked
                self.asked = set()


def build(folder: Path) -> tuple[Truth, Path, Path]:
    """Two spools of the same two runs: one closed in order, one as a power cut leaves it, with its log."""
    source, image = folder / "closed", folder / "cut"
    source.mkdir()
    truth: Truth = {}
    for run in RUNS.values():
        spool = opened(source / NAME, MAX_BYTES, run)
        for seed in range(60):
            written = write(spool, noise(20 + 13 * (seed % 30), seed), changes=[receipted((1, seed // 3), run=run)])
            truth.update(zip(written.keys, spool.load(written.keys), strict=True))
        if run == RUNS[2]:
            shutil.copytree(source, image)
        spool.close(NOW_NS)
    return truth, source, image


class Whereabouts(NamedTuple):
    """Where each batch stands in the undamaged files, and where the transactions of the log end."""

    places: dict[BatchKey, set[Place]]
    ends: list[Place]

    @classmethod
    def of(cls, image: Path) -> "Whereabouts":
        log = (image / LOG).read_bytes() if (image / LOG).exists() else b""
        ends = [
            (LOG, frame.offset - FRAME_HEADER, frame.offset + PAGE_BYTES)
            for frame in frames(log, PAGE_BYTES)
            if frame.ends
        ]
        found = {}
        for record, places in Tracing((image / NAME).read_bytes(), log).places():
            if len(record.values) == 6 and isinstance(record.values[-1], bytes):
                found[BatchKey(RUNS[run_no_of(record.rowid)], seq_of(record.rowid))] = places
        return cls(found, ends)

    def torn_from(self, hits: Hits) -> int:
        """From where on the log looks as if a power cut had torn it: not more than one transaction is whole behind."""
        first = min((at for at, _ in hits.get(LOG, ())), default=END)
        left = [place for place in self.ends if place[1] > first and not touched({place}, hits)]
        return max((end for _, _, end in self.ends if end <= first), default=0) if len(left) < 2 else END


def damage(path: Path, chance: random.Random) -> list[tuple[int, int]]:
    """Change the file and say where."""
    data = bytearray(path.read_bytes())
    hit = []
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        hit.append((at, at + 1))
    if chance.random() < 0.3:
        at, size = chance.randrange(len(data)), chance.choice([512, 4096])
        data[at : at + size] = bytes(len(data[at : at + size]))
        hit.append((at, at + size))
    if chance.random() < 0.2:
        cut = chance.randrange(len(data))
        hit.append((cut, len(data)))
        del data[cut:]
    path.write_bytes(data)
    return hit


def touched(places: set[Place], hits: Hits) -> bool:
    return any(start < to and end > at for file, start, end in places for at, to in hits.get(file, ()))


class Trial:
    """One spool of two, damaged in one file or both."""

    def __init__(self, folder: Path, image: Path, chance: random.Random) -> None:
        self.place = folder / "trial"
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(image, self.place)
        (self.place / "gw.spool-reserve").unlink(missing_ok=True)
        files = [name for name in (NAME, LOG) if (self.place / name).exists()]
        chosen = chance.sample(files, chance.randint(1, len(files)))
        self.hits = {name: damage(self.place / name, chance) for name in chosen}

    def check(self, truth: Truth, where: Whereabouts) -> dict[str, int]:
        """Counts of what must not happen, and of what did."""
        begun_s = time.perf_counter()
        spool, found = open_spool_file(self.place / NAME, MAX_BYTES, DAY_S)
        open_s = time.perf_counter() - begun_s
        came = {key: payload for key in keys(found.runs) if (payload := spool.load([key])[0])}
        told = {run: Ranges() for run in RUNS.values()}
        for gap in spool.dropped():
            told[gap.run].add(gap.first_seq, gap.last_seq)
        spool.begin_runs({Keep.NORMAL: UUID(int=99)}, 7, b"{}", NOW_NS)
        write(spool, noise(3, 1))
        spool.close()
        missing = set(truth) - set(came)
        return {
            "trials": 1,
            "came": len(came),
            "wrong": sum(truth.get(key) != payload for key, payload in came.items()),
            "whole_but_missing": sum(not self._excused(where, where.places[key]) for key in missing),
            "wrongly_receipted": len(receipted_keys(found) - RECEIPTED),
            "untold": sum(key.seq not in told[key.run] and not told_by_ends(key, came, found) for key in missing),
            "set_aside": int(found.set_aside is not None),
            "slow": int(open_s > 10),
        }

    def _excused(self, where: Whereabouts, places: set[Place]) -> bool:
        """Damaged itself, or behind a place where a damaged log cannot be told from one that a power cut tore."""
        torn_from = where.torn_from(self.hits)
        return touched(places, self.hits) or any(file == LOG and start >= torn_from for file, start, _ in places)


def told_by_ends(key: BatchKey, came: Truth, found: Opened) -> bool:
    """Behind the last that came a restart tells a gap anyhow; before the first, that a file was set aside does."""
    order = sorted(came, key=lambda other: (other.run.int, other.seq))
    behind = bool(order) and (key.run.int, key.seq) > (order[-1].run.int, order[-1].seq)
    same = [other.seq for other in came if other.run == key.run]
    before = found.set_aside is not None and (not same or key.seq < min(same))
    return behind or before


def receipted_keys(found: Opened) -> set[BatchKey]:
    return {BatchKey(run.run, seq) for run in found.runs for low, high in run.receipted for seq in range(low, high + 1)}


def run(trials: int, seed: int) -> dict[str, int]:
    """So many trials."""
    chance = random.Random(seed)
    total: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="lw-damage-") as name:
        folder = Path(name)
        truth, *images = build(folder)
        where = [Whereabouts.of(image) for image in images]
        assert all(set(found.places) == set(truth) for found in where)
        for number in range(trials):
            trial = Trial(folder, images[number % 2], chance)
            for what, count in trial.check(truth, where[number % 2]).items():
                total[what] = total.get(what, 0) + count
    return total


def clean(total: dict[str, int]) -> bool:
    return not any(total[what] for what in ("wrong", "whole_but_missing", "wrongly_receipted", "untold", "slow"))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    total = run(chosen.trials, chosen.seed)
    print(json.dumps({"seed": chosen.seed, **total}))
    return 0 if clean(total) else 1


if __name__ == "__main__":
    sys.exit(main())
