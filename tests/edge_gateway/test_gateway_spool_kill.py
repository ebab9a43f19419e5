"""kill -9 at random moments: the spool opens clean and holds everything that was said to be committed."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest

from edge_gateway.delivery import BatchKey
from edge_gateway.salvage import open_spool_file

KILLS = 12
ROOMY, TIGHT = 1 << 30, 4 << 20


@pytest.mark.parametrize("max_bytes", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_whatever_was_committed_survives_a_kill(tmp_path, max_bytes):
    path = tmp_path / "gw.spool"
    chance = random.Random(11)
    said: dict[BatchKey, str] = {}
    for _ in range(KILLS):
        for line in killed(path, max_bytes, chance.uniform(0.0, 0.15)):
            run, seq, sha256 = line.split()
            key = BatchKey(UUID(run), int(seq))
            assert key not in said, "a number was given twice"
            said[key] = sha256
        found = content(path, max_bytes)
        assert all(said.get(key, sha256) == sha256 for key, sha256 in found.items())
        if max_bytes == ROOMY:  # where space is short the oldest are gone on purpose
            assert set(said) <= set(found)
    assert len({key.run for key in said}) >= KILLS // 2
    assert len(said) > 20 * KILLS


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


def content(path: Path, max_bytes: int) -> dict[BatchKey, str]:
    """Every batch in the spool with the hash of its bytes."""
    spool, opened = open_spool_file(path, max_bytes, 86_400)
    assert opened.set_aside is None
    keys = [
        BatchKey(held.run, seq)
        for held in opened.runs
        for ranges in (held.open, held.receipted)
        for low, high in ranges
        for seq in range(low, high + 1)
    ]
    payloads = spool.load(keys)
    spool.close()
    assert None not in payloads
    return {key: hashlib.sha256(payload or b"").hexdigest() for key, payload in zip(keys, payloads, strict=True)}
