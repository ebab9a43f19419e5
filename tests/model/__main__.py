"""Plays the receipt protocol many times over: batches and receipts lost, doubled and overtaken, everybody restored.

    python -m tests.model --histories 10000 --seed 7

Ends with one JSON object, which is also a line of benchmarks/results/model.jsonl; exit 0 only when no history broke a
rule. The shortest one that does is printed before it.
"""

import argparse
import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from benchmarks.figures import RESULTS
from tests.model.histories import STEPS, play
from tests.model.machine import Protocol


def run(histories: int, seed: int) -> dict[str, Any]:
    """What was played, and what it broke."""
    begun_s = time.monotonic()
    broken = None
    try:
        play(Protocol, histories, seed)
    except AssertionError as error:
        print("\n".join(error.__notes__))
        broken = str(error)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "histories": histories,
        "steps_most": STEPS,
        "broken": broken,
        "played": dict(sorted(Protocol.played.items())),
        "seconds": round(time.monotonic() - begun_s, 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--histories", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    line = json.dumps(run(chosen.histories, chosen.seed))
    with (RESULTS / "model.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line)
    sys.exit(1 if json.loads(line)["broken"] else 0)


if __name__ == "__main__":
    main()
