"""Breaks devices, OPC UA servers, broker and database again and again and takes the time until data come again (A8).

    python -m tests.soak.reconnects --trials 100 --seed 1
        └─► a process a field ──plant of its own──► recoveries of each kind ──► one JSON object

The devices of one plant are broken side by side; broker and database in a plant of their own for each kind. Exit 0 only
when no recovery was later than its limit.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import structlog

from tests.faults.reconnecting import open_plant, try_side_by_side

DEVICES = "devices"
FIELDS = (DEVICES, "broker-restart", "broker-kill", "broker-silent", "broker-moved", "database-restart")


async def run(field: str, trials: int, seed: int, folder: Path) -> dict[str, Any]:
    """So many trials of each kind of the field."""
    async with open_plant(folder) as plant:
        outages = plant.of_devices if field == DEVICES else [one for one in plant.of_all if one.kind == field]
        found = await try_side_by_side(plant, outages, trials, random.Random(f"{seed} {field}"))
    return {kind: recoveries.told() for kind, recoveries in found.items()}


def run_field(field: str, trials: int, seed: int) -> dict[str, Any]:
    """In this process and a folder of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="lw-reconnects-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        return asyncio.run(run(field, trials, seed, folder))


def run_fields(trials: int, seed: int) -> dict[str, Any]:
    """All of them at the same time. Raises CalledProcessError when one did not come to its end."""
    command = [sys.executable, "-m", "tests.soak.reconnects", f"--trials={trials}", f"--seed={seed}"]
    running = [subprocess.Popen([*command, "--field", field], stdout=subprocess.PIPE, text=True) for field in FIELDS]
    found: dict[str, Any] = {}
    for process in running:
        told, _ = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        found |= json.loads(told)
    return {"seed": seed, "late": sum(kind["late"] for kind in found.values())} | found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=100, help="of each kind")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--field", choices=FIELDS, help="this one alone")
    chosen = options.parse_args()
    if chosen.field:
        print(json.dumps(run_field(chosen.field, chosen.trials, chosen.seed)))
        return
    report = run_fields(chosen.trials, chosen.seed)
    print(json.dumps(report))
    sys.exit(1 if report["late"] else 0)


if __name__ == "__main__":
    main()
