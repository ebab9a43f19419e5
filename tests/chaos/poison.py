"""A thousand payloads that can never be stored, of thirteen kinds, between good batches.

    python -m tests.chaos.poison --batches 1000 --seed 7

Passes when each is a dead letter with the reason of its kind and its own bytes, every good batch is stored once, and
the ingest process is still the one that was started.
"""

import asyncio
import itertools
import random
import struct
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple
from uuid import UUID

import zstandard

from linewright.children import running
from protocols.sample import Reason, ValueKind, bad
from tests.chaos.plant import Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.chaos.workers import worker
from tests.ingest_service.gateway_double import Gateway, gateway
from tests.ingest_service.ingest_parts import column, payload

SAMPLES = 20
_LETTERS_WITHIN_S = 60.0
_OVERSIZED_BYTES = (4 << 20) + 1


class Poison(NamedTuple):
    """`make` is given a number, so that no two payloads are the same."""

    reason: str
    make: Callable[[int], bytes]


def sound(number: int, *, compress: bool = False, run: int = 0, value: float = 0.0) -> bytes:
    """A good batch, of a run that nobody else has; its samples are failed reads."""
    samples = column([value] * 10, times_ns=[time.time_ns()] * 10, codes=[bad(Reason.TIMEOUT)] * 10)
    return payload(samples, run=UUID(int=run or number + (1 << 64)), seq=100, compress=compress)


def with_bytes(number: int, at: int, changed: bytes) -> bytes:
    whole = sound(number)
    return whole[:at] + changed + whole[at + len(changed) :]


@cache
def zeros() -> bytes:
    """64 MB in a few kB."""
    return zstandard.ZstdCompressor().compress(bytes(1 << 26))


def bomb(number: int) -> bytes:
    whole = sound(number)
    return whole[:3] + b"\x01" + whole[4:40] + struct.pack("<II", 4096, 0) + zeros()


def no_utf8(number: int) -> bytes:
    texts = column(["abc", "def"], kind=ValueKind.TEXT)
    return payload(texts, run=UUID(int=number + (1 << 64)), seq=100).replace(b"abcdef", b"ab\xff\xfeef")


def oversized(number: int) -> bytes:
    return b"LW" + number.to_bytes(8) + bytes(_OVERSIZED_BYTES)


def no_json(number: int) -> bytes:
    return b'{"ts": %d, "values": {"a": [1, 2]}}' % number


def other_content(number: int) -> bytes:
    """A number of a run whose batch 100 is stored before the storm."""
    return sound(number, run=1, value=1.0 + number)


KINDS = {
    "truncated": Poison("undecodable", lambda number: sound(number)[:-16]),
    "less than a header": Poison("undecodable", lambda number: b"LW\x01" + number.to_bytes(9)),
    "another magic": Poison("undecodable", lambda number: with_bytes(number, 0, b"XX")),
    "another version": Poison("undecodable", lambda number: with_bytes(number, 2, b"\x09")),
    "count does not fit": Poison("undecodable", lambda number: with_bytes(number, 36, struct.pack("<I", 11))),
    "unknown type of value": Poison("undecodable", lambda number: with_bytes(number, 48, struct.pack("<I", 77))),
    "damaged zstd": Poison("undecodable", lambda number: sound(number, compress=True)[:-9] + b"\xff" * 9),
    "zstd bomb": Poison("undecodable", bomb),
    "inflates to 4 GB": Poison("oversized", lambda number: with_bytes(number, 40, struct.pack("<I", 0xFFFFFFFF))),
    "too large": Poison("oversized", oversized),
    "text that is no UTF-8": Poison("undecodable", no_utf8),
    "JSON with wrong values": Poison("undecodable", no_json),
    "same number, other content": Poison("conflict", other_content),
}
_LARGE_MOST = 10


def storm(batches: int, chance: random.Random) -> list[tuple[str, bytes]]:
    """So many of all kinds in any order; of the large ones a few, or the test would only carry zeros."""
    names = itertools.cycle(KINDS)
    large = 0
    found = []
    for number in range(1, batches + 1):
        name = next(names)
        if name == "too large" and (large := large + 1) > _LARGE_MOST:
            name = next(names)
        found.append((name, KINDS[name].make(number)))
    chance.shuffle(found)
    return found


async def send(one: Gateway, plant: Plant, poisons: list[tuple[str, bytes]]) -> None:
    """Poison and good batches in turn; the good ones until they are receipted."""
    await one.publish_catalog()
    await one.send(sound(0, run=1))
    one.add(1, plant.column(*range(SAMPLES)))
    await one.deliver(60)
    for seq, (_, poison) in enumerate(poisons, 2):
        await one.send(poison)
        await one.send(one.add(seq, plant.column(*range((seq - 1) * SAMPLES, seq * SAMPLES))))
    await one.deliver(60 + len(poisons) * 0.2)


async def letters(plant: Plant, wanted: int) -> dict[bytes, str]:
    """Beginning of the payload and reason of every dead letter, when all are there or it has taken too long."""
    deadline = time.monotonic() + _LETTERS_WITHIN_S
    query = "SELECT payload, reason FROM telemetry.dead_letter"
    while len(found := plant.ask(query)) < wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return {bytes(kept): reason for kept, reason in found}


async def run(batches: int, seed: int) -> Report:
    """So many poisoned payloads and as many good batches."""
    async with open_plant() as plant:
        return await play(plant, storm(batches, random.Random(seed))) | {"seed": seed}


async def play(plant: Plant, poisons: list[tuple[str, bytes]]) -> Report:
    """Each of these, and a good batch after it."""
    batches = len(poisons)
    async with running(worker(plant, 1)) as ingest:
        pid = ingest.pid
        async with gateway(plant.broker) as one:
            await send(one, plant, poisons)
        kept = await letters(plant, batches)
        alive = ingest.pid == pid and not ingest.restarts
        found = plant.check(range((batches + 1) * SAMPLES))
    judged = judge(poisons, kept)
    clean = found.clean and alive and judged == Counter(right=batches)
    return {**found._asdict(), "poisons": batches, "kinds": len(KINDS), **judged, "clean": clean}


def judge(poisons: list[tuple[str, bytes]], kept: dict[bytes, str]) -> Counter[str]:
    """Each poison against the letters; a letter that belongs to none is `unasked`."""
    counted: Counter[str] = Counter()
    wanted = {poison if len(poison) < _OVERSIZED_BYTES else poison[: 1 << 20]: name for name, poison in poisons}
    for start, name in wanted.items():
        reason = kept.get(start)
        counted["right" if reason == KINDS[name].reason else "wrong_reason" if reason else "no_letter"] += 1
    counted["unasked"] += len(kept.keys() - wanted.keys())
    return +counted


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--batches", type=int, default=1000)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.batches, chosen.seed))


if __name__ == "__main__":
    main()
