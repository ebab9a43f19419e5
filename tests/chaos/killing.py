"""kill -9 on a seeded schedule against a whole running box, then an account of every sample.

    python -m tests.chaos.killing --kills 5 --seed 7

ends with one JSON object; exit 0 only when nothing is missing, duplicated or wrong.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psutil

from linewright.demo_check import settle
from linewright.layout import Layout
from linewright.progress import Progress
from linewright.site import Plan, Site, open_site
from runtime.ports import free_ports
from simulators.plant import DEMO

GATEWAY = (sys.executable, "-m", "linewright", "gateway")
FORGETS_ON_PUBACK = (sys.executable, "-m", "tests.chaos.gateway_forgets_on_puback")
VICTIMS = ("gateway", "broker", "ingest", "database")


def victim_pid(site: Site, name: str) -> int | None:
    """Process id of what really does the work: the server itself, not the wrapper that watches it."""
    child = site.children["gateway-gw-1" if name == "gateway" else name]
    if child.pid is None or name in {"gateway", "ingest"}:
        return child.pid
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(child.pid).children():
            if {"-D", "-c"} & set(process.cmdline()):  # a server, not a question asked while starting one
                return process.pid
    return None


async def kill(site: Site, name: str, within_s: float = 60) -> None:
    """Kill it as soon as it is there."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        pid = victim_pid(site, name)
        if pid:
            os.kill(pid, signal.SIGKILL)
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{name} did not come back within {within_s} s")


async def storm(site: Site, kills: int, seed: int, victims: Sequence[str]) -> list[str]:
    """`kills` of each victim in random order, at random distances."""
    chance = random.Random(seed)
    order = [name for name in victims for _ in range(kills)]
    chance.shuffle(order)
    for name in order:
        await asyncio.sleep(chance.uniform(0.5, 3.0))
        await kill(site, name)
    await asyncio.sleep(5)
    return order


async def run(
    kills: int, seed: int, gateway: Sequence[str] = GATEWAY, victims: Sequence[str] = VICTIMS
) -> dict[str, object]:
    """One storm; what was produced, stored, missing, duplicated, wrong."""
    with tempfile.TemporaryDirectory(prefix="lw-chaos-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101
        plan = Plan(Layout(Path(folder)), DEMO, free_ports()[0], gateway_program=gateway)
        async with open_site(plan, Progress()) as site:
            await asyncio.sleep(3)
            order = await storm(site, kills, seed, victims)
            result = await settle(site, plan.layout.truth, 40)
            restarts = {name: child.restarts for name, child in site.children.items()}
    return asdict(result) | {"seed": seed, "kills": len(order), "restarts": restarts, "clean": result.clean}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=5, help="of each: gateway, broker, ingest, database")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--forget-on-puback", action="store_true", help="negative control: this run has to lose")
    chosen = options.parse_args()
    gateway = FORGETS_ON_PUBACK if chosen.forget_on_puback else GATEWAY
    report = asyncio.run(run(chosen.kills, chosen.seed, gateway))
    print(json.dumps(report))
    sys.exit(0 if report["clean"] else 1)


if __name__ == "__main__":
    main()
