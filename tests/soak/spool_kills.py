"""Kills a process that writes into a spool, at random moments, and counts what was said to be committed and is gone.

    python -m tests.soak.spool_kills --trials 1000 --seed 1

Half of the trials have space for everything, half a spool so tight that the oldest must go all the time. Prints one
JSON object; exit 0 only when clean.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import structlog

from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from tests.edge_gateway.spool_parts import DAY_S, keys

ROOMY, TIGHT = 1 << 30, 4 << 20


@dataclass
class Kills:
    """What must not happen, and how much did; `tight`: the oldest goes on purpose, so nothing can be missed."""

    trials: int = 0
    committed: int = 0
    missing: int = 0
    wrong: int = 0
    twice: int = 0
    set_aside: int = 0

    @property
    def clean(self) -> bool:
        return not (self.missing or self.wrong or self.twice or self.set_aside)

    def __add__(self, other: "Kills") -> "Kills":
        return Kills(
            *(mine + theirs for mine, theirs in zip(asdict(self).values(), asdict(other).values(), strict=True))
        )


def run(
    path: Path, trials: int, chance: random.Random, max_bytes: int, between: Callable[[], None] = lambda: None
) -> Kills:
    """Kill so often; `between` is called while nobody has the spool open."""
    found, said = Kills(trials=trials), {}
    for _ in range(trials):
        for line in killed(path, max_bytes, chance.uniform(0.0, 0.15)):
            run_, seq, sha256 = line.split()
            key = BatchKey(UUID(run_), int(seq))
            found.twice += key in said
            said[key] = sha256
        between()
        here, set_aside = content(path, max_bytes)
        found.set_aside += set_aside
        found.wrong += sum(said.get(key, sha256) != sha256 for key, sha256 in here.items())
        found.missing += len(set(said) - set(here)) if max_bytes == ROOMY else 0
        said = {key: sha256 for key, sha256 in said.items() if key in here}
    found.committed = len(said)
    return found


def killed(path: Path, max_bytes: int, after_s: float) -> list[str]:
    """What a writer said until it was killed."""
    command = [sys.executable, "-m", "tests.edge_gateway.spool_writer", str(path), str(max_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        time.sleep(after_s)
        writer.kill()
        told = writer.stdout.read()
    return told[: told.rfind("\n") + 1].splitlines()


def content(path: Path, max_bytes: int) -> tuple[dict[BatchKey, str], bool]:
    """Every batch in the spool with the hash of its bytes, and whether the file was found damaged."""
    spool, opened = open_spool_file(path, max_bytes, DAY_S)
    wanted = keys(opened.runs)
    payloads = spool.load(wanted)
    spool.close()
    hashes = {key: hashlib.sha256(body or b"").hexdigest() for key, body in zip(wanted, payloads, strict=True)}
    return hashes, opened.set_aside is not None


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    chance, total = random.Random(chosen.seed), Kills()
    left = chosen.trials
    while left > 0:
        for max_bytes in (ROOMY, TIGHT):  # a new spool now and then, or looking at it would take all the time
            with tempfile.TemporaryDirectory(prefix="lw-kills-") as folder:
                total += run(Path(folder) / "gw.spool", min(25, left), chance, max_bytes)
            left -= min(25, left)
    print(json.dumps({"seed": chosen.seed, **asdict(total)}))
    return 0 if total.clean else 1


if __name__ == "__main__":
    sys.exit(main())
