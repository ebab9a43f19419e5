"""Breaks devices, OPC UA servers, broker and database again and again and takes the time until data come again (A8).

    python -m tests.soak.reconnects --trials 100 --seed 1

Prints one JSON object with the slowest recovery of each kind; exit 0 only when none was later than its limit.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path

import structlog

from tests.faults.reconnecting import open_plant, try_outages


async def run(trials: int, seed: int, folder: Path) -> dict[str, object]:
    """So many trials of each kind."""
    async with open_plant(folder) as plant:
        found = await try_outages(plant, lambda _: trials, random.Random(seed))
    late = sum(recoveries.late for recoveries in found.values())
    return {"seed": seed, "late": late} | {kind: recoveries.told() for kind, recoveries in found.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=100, help="of each kind")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="lw-reconnects-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        report = asyncio.run(run(chosen.trials, chosen.seed, folder))
    print(json.dumps(report))
    sys.exit(1 if report["late"] else 0)


if __name__ == "__main__":
    main()
