"""The wall clock of a gateway jumps while it runs: ten years ahead, two days and an hour back, to 1970.

    python -m tests.chaos.clocks --samples 1000 --seed 7

Each jump happens twice: vouched for by the kernel (somebody has set up NTP wrongly), which the gateway has to believe,
and unvouched, which it must not. Passes when every sample is stored once under the time it was given, or in quarantine
once when no calendar has that time, and when numbers of batches follow the order of measuring whatever the clock said.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import aiomqtt

from protocols.topics import GatewayAddress, Up, every
from protocols.wire import columnar
from runtime.clock import NS_PER_S, ClockState, SystemClock
from tests.chaos.floor import FloorBox, Machine, floor_box
from tests.chaos.plant import TAGS, Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.edge_gateway.gateway_parts import until
from tests.ingest_service.ingest_parts import column

DAY_S = 86_400
JUMPS_S = {
    "ten years ahead": 3652 * DAY_S,
    "two days back": -2 * DAY_S,
    "1970": -time.time_ns() // NS_PER_S,
    "an hour back": -3600,
}
KINDS = tuple(itertools.product(JUMPS_S.values(), (ClockState.SYNCED, ClockState.UNSYNCED)))
_QUARANTINE = "SELECT value::float8::bigint FROM telemetry.quarantine WHERE reason = 'impossible_time'"
_ROWS = """
SELECT s.value::bigint, (extract(epoch FROM s.time) * 1000000)::bigint
FROM telemetry.samples((SELECT array_agg(series_id) FROM registry.tag), '1980-01-01', '2100-01-01') s
WHERE s.value IS NOT NULL
"""


class Wall(SystemClock):
    """A clock on the wall that somebody sets; `state`: what the kernel says of it."""

    def __init__(self, state: ClockState) -> None:
        self.off_ns = 0
        self.state = state

    def now_ns(self) -> int:
        return super().now_ns() + self.off_ns


class Stamp(NamedTuple):
    """What a sample was given, and whether a calendar has that time."""

    time_us: int
    possible: bool


@dataclass
class Measured:
    """Every sample of all gateways, by its number."""

    samples: int
    stamps: dict[int, Stamp] = field(default_factory=dict)
    numbers: Iterable[int] = field(default_factory=itertools.count)

    async def some(self, box: FloorBox, *, possible: bool) -> None:
        """As a poller does: stamped by the gateway's clock."""
        numbers = list(itertools.islice(self.numbers, self.samples))
        times_ns = [box.clock.now_ns() + place * 1000 for place in range(self.samples)]
        self.stamps |= {
            number: Stamp(time_ns // 1000, possible) for number, time_ns in zip(numbers, times_ns, strict=True)
        }
        await box.measure(column(numbers, aliases=[number % TAGS for number in numbers], times_ns=times_ns))
        await box.settled()


async def jump(plant: Plant, address: GatewayAddress, off_s: int, state: ClockState, measured: Measured) -> None:
    """Measure, set the clock, measure, set it right, measure."""
    wall = Wall(state)
    machine = Machine(address, plant.folder / f"{address.gateway}.spool", clock=wall, kernel=lambda: wall.state)
    believed = state is ClockState.SYNCED
    async with floor_box(machine, plant.broker.settings) as box:
        await measured.some(box, possible=True)
        wall.off_ns = off_s * NS_PER_S
        await until(lambda: _follows(box, wall) if believed else box.clock.in_doubt)
        await measured.some(box, possible=not believed or abs(off_s) < 365 * DAY_S)
        wall.off_ns = 0
        await until(lambda: _follows(box, wall) and not box.clock.in_doubt)
        await measured.some(box, possible=True)


def _follows(box: FloorBox, wall: Wall) -> bool:
    return abs(box.clock.now_ns() - wall.now_ns()) < NS_PER_S


@asynccontextmanager
async def observed(plant: Plant) -> AsyncIterator[dict[tuple[UUID, int], Sequence[float]]]:
    """Every batch that passes the broker, by run and number."""
    seen: dict[tuple[UUID, int], Sequence[float]] = {}

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            batch = columnar.decode(bytes(message.payload))
            seen[batch.header.run_id, batch.header.seq] = [float(v) for each in batch.columns for v in each.value]

    async with aiomqtt.Client(plant.broker.host, plant.broker.port, max_queued_incoming_messages=None) as client:
        await client.subscribe(every(Up.DATA), qos=1)
        task = asyncio.create_task(listen(client))
        yield seen
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def out_of_order(batches: dict[tuple[UUID, int], Sequence[float]]) -> int:
    """Samples that were measured before one with a lower number of batch, or before one in front of them."""
    ordered: dict[UUID, list[float]] = {}
    for run, seq in sorted(batches):
        ordered.setdefault(run, []).extend(batches[run, seq])
    return sum(before > after for values in ordered.values() for before, after in itertools.pairwise(values))


async def run(samples: int) -> Report:
    """So many samples before, during and after each jump."""
    async with open_plant(len(KINDS)) as plant:
        return await play(plant, samples)


async def play(plant: Plant, samples: int) -> Report:
    """All jumps at the same time, each of another gateway."""
    measured = Measured(samples)
    async with plant.ingest(), observed(plant) as batches:
        plays = zip(plant.gateways, KINDS, strict=True)
        await asyncio.gather(*(jump(plant, address, off_s, state, measured) for address, (off_s, state) in plays))
        rows, aside = plant.ask(_ROWS), [number for (number,) in plant.ask(_QUARANTINE)]
    report = account(measured.stamps, rows, aside) | {"out_of_order": out_of_order(batches)}
    faults = ("missing", "duplicated", "wrong", "out_of_order")
    clean = report["quarantined"] > 0 and not any(report[what] for what in faults)
    return {**report, "clean": clean}


def account(stamps: dict[int, Stamp], rows: Sequence[tuple[int, int]], aside: Sequence[int]) -> Report:
    """What was measured against rows (number, time) and quarantine (number)."""
    seen = Counter(aside) + Counter(number for number, _ in rows)
    wrong = sum(stamps.get(number) != Stamp(time_us, possible=True) for number, time_us in rows)
    wrong += sum(number not in stamps or stamps[number].possible for number in aside)
    return {
        "produced": len(stamps),
        "stored": len(rows),
        "quarantined": len(aside),
        "missing": len(stamps.keys() - seen.keys()),
        "duplicated": seen.total() - len(seen),
        "wrong": wrong,
    }


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--samples", type=int, default=1000)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.samples))


if __name__ == "__main__":
    main()
