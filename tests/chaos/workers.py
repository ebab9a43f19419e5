"""Several ingest workers on one shared subscription; every batch comes three times, shuffled; workers die all the time.

    python -m tests.chaos.workers --workers 8 --batches 4000 --seed 7

    gateways ──each batch 3 x, shuffled──► broker ──► workers, 5 % of their transactions end in kill -9 ──► database

Passes when the number of stored rows is exactly that of the samples sent.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

from linewright.children import Child, running
from linewright.site import broker_environment
from tests.chaos.plant import Plant, open_plant
from tests.chaos.telling import Report, options, tell
from tests.ingest_service.gateway_double import Gateway, gateway

GATEWAYS, SAMPLES, TIMES = 4, 20, 3
CRASH_SHARE = 0.05
_WITHIN_S = 600.0
SMALL_GROUPS = {"LINEWRIGHT_GROUP__ROWS_MOST": str(5 * SAMPLES), "LINEWRIGHT_GROUP__AGE_S": "0.02"}


def worker(plant: Plant, number: int, arguments: Sequence[str] = (), **more: str) -> Child:
    """One worker, which is started again whenever it dies; `more` goes to its environment."""
    environment = {
        **broker_environment(plant.broker.settings),
        **more,
        "LINEWRIGHT_DATABASE__DSN": plant.postgres.dsn("lw_ingest"),
        "LINEWRIGHT_WORKER": f"ingest-{number}",
    }
    command = [sys.executable, "-m", "tests.chaos.ingest_worker", *arguments]
    return Child(f"ingest-{number}", command, environment, plant.folder / "logs" / f"ingest-{number}.log")


@contextlib.asynccontextmanager
async def workers(plant: Plant, count: int, arguments: Sequence[str]) -> AsyncIterator[list[Child]]:
    """So many at work."""
    async with AsyncExitStack() as stack:
        children = [worker(plant, number, arguments, **SMALL_GROUPS) for number in range(count)]
        for child in children:
            await stack.enter_async_context(running(child))
        yield children


async def deliver_shuffled(one: Gateway, chance: random.Random) -> None:
    """Everything three times in any order, then what has no receipt again and again."""
    payloads = [payload for payload in one.open.values() for _ in range(TIMES)]
    chance.shuffle(payloads)
    for payload in payloads:
        await one.send(payload)
    await one.deliver(within_s=_WITHIN_S, again_after_s=3.0)


async def run(count: int, batches: int, seed: int) -> Report:
    """So many batches over all gateways."""
    async with open_plant(GATEWAYS) as plant:
        return await play(plant, count, batches, seed)


async def play(plant: Plant, count: int, batches: int, seed: int, *, without_ledger: bool = False) -> Report:
    """`without_ledger`: with workers that are wrong on purpose."""
    chance = random.Random(seed)
    arguments = ["--crash-share", str(CRASH_SHARE), "--seed", str(seed), *["--without-ledger"] * without_ledger]
    async with workers(plant, count, arguments) as children:
        async with AsyncExitStack() as stack:
            gateways = [
                await stack.enter_async_context(gateway(plant.broker, name)) for name in plant.gateways[:GATEWAYS]
            ]
            for one in gateways:
                await one.publish_catalog()
            for number in range(batches):
                numbers = range(number * SAMPLES, (number + 1) * SAMPLES)
                gateways[number % GATEWAYS].add(number // GATEWAYS + 1, plant.column(*numbers))
            await asyncio.gather(*(deliver_shuffled(one, chance) for one in gateways))
        found = plant.check(range(batches * SAMPLES))
        crashes = sum(child.restarts for child in children)
    return {"seed": seed, **found._asdict(), "workers": count, "crashes": crashes, "clean": found.clean}


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--workers", type=int, default=8)
    asked.add_argument("--batches", type=int, default=4000)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.workers, chosen.batches, chosen.seed))


if __name__ == "__main__":
    main()
