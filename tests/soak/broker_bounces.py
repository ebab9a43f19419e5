"""Stops and kills the broker under a running gateway, again and again, and counts what did not come.

    python -m tests.soak.broker_bounces --bounces 50 --seed 1

Modbus server ──► gateway ──► broker, stopped in order or killed, away for a moment ──► an ingest with a ledger

The gateway is never restarted. Afterwards the spool drains to nothing and every value that was read has come once, in
its order. Prints one JSON object; exit 0 only when clean.
"""

import argparse
import asyncio
import json
import logging
import random
import socket
import sys
import tempfile
from pathlib import Path

import structlog

from edge_gateway.settings import GatewaySettings
from linewright.broker import Broker
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Ingest, Plc, gateway, listening

TAGS = ("a", "b", "c")
AWAY_S = (0.0, 1.0)
BACK_WITHIN_S = 60.0


async def run(bounces: int, seed: int, folder: Path, port: int) -> dict[str, int]:
    """So many outages, half of them a SIGKILL."""
    chance = random.Random(seed)
    device = modbus_device("press-1", port, dict.fromkeys(TAGS, 0.1))
    async with Broker(folder) as broker, Plc(port) as plc, listening(broker.settings) as ingest:
        settings = GatewaySettings(
            tenant=ADDRESS.tenant,
            gateway=ADDRESS.gateway,
            broker=broker.settings,
            spool={"path": folder / "gw.spool", "max_bytes": 64 << 20},
            devices=[device.model_dump(exclude_unset=True)],
        )
        async with gateway(settings) as task:
            await ingest.until(lambda: len(ingest.batches) >= 2, within_s=BACK_WITHIN_S)
            for number in range(bounces):
                await (broker.kill() if number % 2 else broker.stop())
                await asyncio.sleep(chance.uniform(*AWAY_S))
                await broker.start()
                await ingest.until(back(ingest), within_s=BACK_WITHIN_S)
            restarted = int(task.done())
            last = [plc.handed[2 * place][-1] for place in range(len(TAGS))]
            await ingest.until(lambda: came(ingest, last) and not holes(ingest), within_s=BACK_WITHIN_S)
    return {"bounces": bounces, "restarted": restarted, **account(plc, ingest, last)}


def back(ingest: Ingest):
    """Whether batches have come that were not there when this was asked for, and none is missing before them."""
    seen = len(ingest.batches)
    return lambda: len(ingest.batches) > seen and not holes(ingest)


def holes(ingest: Ingest) -> bool:
    committed = [list(ingest.committed(run)) for run in {key.run for key in ingest.batches}]
    return any(len(ranges) > 1 or ranges[0][0] != 1 for ranges in committed)


def came(ingest: Ingest, last: list[float]) -> bool:
    values = ingest.good_values()
    return all(value in values["press-1", tag] for tag, value in zip(TAGS, last, strict=True))


def account(plc: Plc, ingest: Ingest, last: list[float]) -> dict[str, int]:
    """Values that were read until the end of the test against those that came."""
    total = {"read": 0, "missing": 0, "twice": 0, "out_of_order": 0}
    for place, tag in enumerate(TAGS):
        handed = plc.handed[2 * place]
        handed = handed[: handed.index(last[place]) + 1]
        stored = ingest.good_values()["press-1", tag]
        stored = stored[: stored.index(last[place]) + 1]
        total["read"] += len(handed)
        total["missing"] += len(set(handed) - set(stored))
        total["twice"] += len(stored) - len(set(stored))
        total["out_of_order"] += stored != sorted(stored)
    return total | {"batches": len(ingest.batches), "deliveries": ingest.deliveries}


def clean(total: dict[str, int]) -> bool:
    return not any(total[what] for what in ("restarted", "missing", "twice", "out_of_order"))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bounces", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="lw-bounces-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as line:
            port = line.getsockname()[1]
        total = asyncio.run(run(chosen.bounces, chosen.seed, folder, port))
    print(json.dumps({"seed": chosen.seed, **total}))
    return 0 if clean(total) else 1


if __name__ == "__main__":
    sys.exit(main())
