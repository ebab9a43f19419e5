"""Writes batches into a spool as fast as it can, and says of each that it is committed. Meant to be killed."""

import hashlib
import random
import secrets
import sys
import time
from pathlib import Path
from uuid import UUID

import numpy as np

from edge_gateway.keep import Group, Keep
from edge_gateway.spool.file import Commit
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import Change
from edge_gateway.uplink.ranges import Ranges
from protocols.sample import Column, ValueKind
from runtime.clock import ClockState


def main(path: Path, max_bytes: int) -> None:
    run = UUID(bytes=secrets.token_bytes(16))
    spool, _ = open_spool_file(path, max_bytes, 86_400)
    spool.begin_runs({Keep.NORMAL: run}, 7, b"{}", time.time_ns())
    chance = random.Random()
    print("ready", flush=True)
    last = 0
    while True:
        sizes = chance.choices([1, 50, 700], k=chance.choice([1, 3]))
        batches = [Group(Keep.NORMAL, (noise(size),)) for size in sizes]
        changes = [Change(run, Ranges([(1, last)]), Ranges())] if chance.random() < 0.3 else []
        written = spool.write(Commit(batches, changes, time.time_ns(), ClockState.UNKNOWN))
        for key, payload in zip(written.keys, spool.load(written.keys), strict=True):
            print(run, key.seq, hashlib.sha256(payload or b"").hexdigest(), flush=True)
            last = key.seq


def noise(size: int) -> Column:
    alias = np.arange(size, dtype=np.uint32)
    return Column(ValueKind.FLOAT, alias, alias.astype(np.int64), np.random.random(size), np.zeros(size, np.uint16))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
