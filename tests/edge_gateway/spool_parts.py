"""A spool file in few words: open it, write noise into it, receipt, look at what is there."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import numpy as np

from edge_gateway.keep import Group, Keep
from edge_gateway.spool.file import Commit, SpoolFile, Written
from edge_gateway.spool.rows import HeldRun
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey, Change
from edge_gateway.uplink.ranges import Ranges
from protocols.sample import Columns
from runtime.clock import ClockState
from tests.edge_gateway.gateway_parts import NOW_NS, floats

MIB = 1 << 20
RUN = UUID(int=1)
DAY_S = 86_400


def opened(
    path: Path, max_bytes: int = 64 * MIB, run: UUID = RUN, keep_s: float = DAY_S, *, thin: bool = False
) -> SpoolFile:
    """With one run begun; it drops and does not thin, unless told to."""
    spool, _ = open_spool_file(path, max_bytes, keep_s, thin=thin)
    spool.begin_runs({Keep.NORMAL: run}, 7, b"{}", NOW_NS)
    return spool


def noise(samples: int, seed: int) -> Columns:
    """Columns that do not compress."""
    return floats(range(samples), np.random.default_rng(seed).random(samples))


def write(
    spool: SpoolFile,
    *batches: Columns,
    changes: Iterable[Change] = (),
    now_ns: int = NOW_NS,
    keep: Keep = Keep.NORMAL,
) -> Written:
    """Commit these."""
    groups = [Group(keep, columns) for columns in batches]
    return spool.write(Commit(groups, list(changes), now_ns, ClockState.SYNCED))


def receipted(*ranges: tuple[int, int], run: UUID = RUN) -> Change:
    """The cloud has these."""
    return Change(run, Ranges(ranges), Ranges())


def keys(runs: Iterable[HeldRun]) -> list[BatchKey]:
    """Every batch that is held, oldest run first."""
    return [
        BatchKey(held.run, seq)
        for held in runs
        for ranges in (held.open, held.receipted)
        for low, high in ranges
        for seq in range(low, high + 1)
    ]


def disk_bytes(path: Path) -> int:
    """What the spool takes, all files together."""
    return sum(file.stat().st_size for file in path.parent.iterdir() if file.name.startswith(path.name))
