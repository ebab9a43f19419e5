"""Receipts are lost, doubled and overtaken, a tenth of each, under the product's own spool, delivery and uplink.

    python -m tests.chaos.receipts --batches 5000 --seed 7

Passes when the spool has nothing left without a receipt, and every sample is stored once.
"""

import random

from edge_gateway.keep import Group, Keep
from edge_gateway.spool.file import Commit
from runtime.clock import ClockState
from tests.chaos.floor import FloorBox, Machine, floor_box
from tests.chaos.plant import Plant, open_plant
from tests.chaos.receipt_road import ReceiptRoad
from tests.chaos.telling import Report, options, tell

SHARE, SAMPLES = 0.1, 20
_BLOCK = 20


async def run(batches: int, seed: int) -> Report:
    """So many small batches."""
    async with open_plant() as plant:
        return await play(plant, batches, seed)


async def play(plant: Plant, batches: int, seed: int, share: float = SHARE) -> Report:
    """A block of batches after the other."""
    async with (
        plant.ingest(group={"rows_most": 2 * SAMPLES, "age_s": 0.02}),
        ReceiptRoad(plant.broker.settings, share, random.Random(seed)) as road,
        floor_box(Machine(plant.gateways[0], plant.folder / "gw.spool"), road.settings) as box,
    ):
        for first in range(0, batches, _BLOCK):
            await commit(box, plant, first, min(first + _BLOCK, batches))
            if first % (5 * _BLOCK) == 0:
                await box.settled()
        await box.settled(60 + batches * 0.05)
        left = box.delivery.open
        found = plant.check(range(batches * SAMPLES))
    return {"seed": seed, **found._asdict(), "open": left, **road.fates, "clean": found.clean and not left}


async def commit(box: FloorBox, plant: Plant, first: int, end: int) -> None:
    """Batches of 20 samples, which a second of polling would not make."""
    groups = [
        Group(Keep.NORMAL, (plant.column(*range(number * SAMPLES, (number + 1) * SAMPLES)),))
        for number in range(first, end)
    ]
    written = await box.spool.commit(Commit(groups, [], box.clock.now_ns(), ClockState.SYNCED))
    for key in written.keys:
        box.delivery.add(key)
    box.recorder.news.set()


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--batches", type=int, default=5000)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.batches, chosen.seed))


if __name__ == "__main__":
    main()
