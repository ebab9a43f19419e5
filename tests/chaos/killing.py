"""kill -9 on a seeded schedule against a whole running box, then an account of every sample.

    python -m tests.chaos.killing --kills 40 --seed 7

gateway, broker, ingest, packer and database are each killed so often, 2 to 5 s apart, in an order that the seed tells;
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
VICTIMS = ("gateway", "broker", "ingest", "pack", "database")
APART_S = (2.0, 5.0)
_NOTICED_S, _BACK_WITHIN_S, _SETTLE_S = 5.0, 60.0, 60.0
_WRAPPED = {"broker", "database"}


def victim_pid(site: Site, name: str) -> int | None:
    """Process id of what really does the work: the server itself, not the wrapper that watches it."""
    child = site.children["gateway-gw-1" if name == "gateway" else name]
    if child.pid is None or name not in _WRAPPED:
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


def schedule(kills: int, seed: int, apart_s: tuple[float, float]) -> list[tuple[float, str]]:
    """So many kills of each victim in random order: how long to wait, and who is next."""
    chance = random.Random(seed)
    order = [name for name in VICTIMS for _ in range(kills)]
    chance.shuffle(order)
    return [(chance.uniform(*apart_s), name) for name in order]


async def storm(site: Site, kills: Sequence[tuple[float, str]]) -> None:
    """Carry the schedule out, and wait until the last victims are back."""
    for wait_s, name in kills:
        await asyncio.sleep(wait_s)
        await kill(site, name)
    await asyncio.sleep(_NOTICED_S)
    async with asyncio.timeout(_BACK_WITHIN_S):
        for child in site.children.values():
            await child.ready.wait()


async def run(
    kills: int, seed: int, gateway: Sequence[str] = GATEWAY, apart_s: tuple[float, float] = APART_S
) -> dict[str, object]:
    """One storm; what was produced, stored, missing, duplicated, wrong."""
    with tempfile.TemporaryDirectory(prefix="lw-chaos-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101
        plan = Plan(Layout(Path(folder)), DEMO, free_ports()[0], gateway_program=gateway)
        async with open_site(plan, Progress()) as site:
            await asyncio.sleep(3)
            order = schedule(kills, seed, apart_s)
            await storm(site, order)
            result = await settle(site, plan.layout.truth, _SETTLE_S)
            restarts = {name: child.restarts for name, child in site.children.items()}
    return asdict(result) | {"seed": seed, "kills": len(order), "restarts": restarts, "clean": result.clean}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=5, help=f"of each: {', '.join(VICTIMS)}")
    options.add_argument("--apart", type=float, nargs=2, default=APART_S, metavar="S", help="least and most seconds")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--forget-on-puback", action="store_true", help="negative control: this run has to lose")
    chosen = options.parse_args()
    gateway = FORGETS_ON_PUBACK if chosen.forget_on_puback else GATEWAY
    report = asyncio.run(run(chosen.kills, chosen.seed, gateway, tuple(chosen.apart)))
    print(json.dumps(report))
    sys.exit(0 if report["clean"] else 1)


if __name__ == "__main__":
    main()
