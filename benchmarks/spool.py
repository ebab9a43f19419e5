"""What the spool costs the disk of a floor box: 1,000 tags a second, an hour of it as fast as it goes.

    reads ──Batcher (a second or 64 kB)──► group commit ──SpoolFile──► SQLite ──► /proc/self/io

The cloud receipts every batch a second later and receipted batches stay for ten minutes, so that marking, deleting
and writing the log back are all part of it. SQLite flushes once a commit and three times when it writes its log back
(log, database, new log header); how often it did that stands in the header of the log.
"""

import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.figures import figure
from edge_gateway.batcher import Batcher, size_bytes
from edge_gateway.delivery import Change
from edge_gateway.keep import Group, Keep
from edge_gateway.ranges import Ranges
from edge_gateway.spool_file import Commit, SpoolFile
from protocols.sample import Column, Columns, ValueKind
from runtime.clock import NS_PER_S, ClockState

BENCH = "spool"
READS, TAGS_A_READ = 20, 50
SECONDS = 3600
KEEP_S = 600
MAX_BYTES = 512 << 20
RUN = UUID(int=1)
START_NS = 1_790_000_000 * NS_PER_S
_FLUSHES_OF_A_CHECKPOINT = 3


def reads() -> Iterator[tuple[float, Columns]]:
    """Twenty reads of 50 float32 a second; every value moves a little, as measured ones do."""
    chance = np.random.default_rng(1)
    walk = chance.uniform(0, 100, READS * TAGS_A_READ)
    codes = np.zeros(TAGS_A_READ, np.uint16)
    for number in range(SECONDS * READS):
        alias = np.arange(TAGS_A_READ, dtype=np.uint32) + number % READS * TAGS_A_READ
        walk[alias] += chance.normal(0, 0.1, TAGS_A_READ)
        values = walk[alias].astype(np.float32).astype(np.float64)
        now_s = number / READS
        times = np.full(TAGS_A_READ, START_NS + round(now_s * NS_PER_S), np.int64)
        yield now_s, (Column(ValueKind.FLOAT, alias, times, values, codes),)


def commits() -> Iterator[Commit]:
    """What the recorder would commit, and when; each commit brings the receipt for the one before."""
    batcher = Batcher()
    for seq_before, batches in enumerate(_batches(batcher)):
        changes = [Change(RUN, Ranges([(seq_before, seq_before)]), Ranges())] if seq_before else []
        now_ns = max(int(column.time_ns[-1]) for _, columns in batches for column in columns)
        yield Commit(batches, changes, now_ns, ClockState.SYNCED)


def _batches(batcher: Batcher) -> Iterator[list[Group]]:
    for now_s, columns in reads():
        if now_s >= batcher.due_s():
            yield batcher.take()
        batcher.add(columns, now_s)


def io_counts() -> dict[str, int]:
    """/proc/self/io: `wchar` = bytes given to write calls, `write_bytes` = bytes of pages that go to the disk."""
    return {name: int(count) for name, count in (line.split(": ") for line in _io().splitlines())}


def _io() -> str:
    return Path("/proc/self/io").read_text(encoding="ascii")


def log_restarts(path: Path) -> int:
    """How often SQLite began its log anew: the checkpoint sequence number in the header of the log."""
    head = path.with_name(path.name + "-wal").read_bytes()[:16]
    return int(struct.unpack(">IIII", head)[3]) if len(head) == 16 else 0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-", dir=Path.cwd()) as name:
        path = Path(name) / "gw.spool"
        spool = SpoolFile(path, MAX_BYTES, KEEP_S)
        spool.open()
        spool.begin_runs({Keep.NORMAL: RUN}, 1, b"{}", START_NS)
        raw = payload = count = 0
        before, before_restarts, started_s = io_counts(), log_restarts(path), time.perf_counter()
        for commit in commits():
            written = spool.write(commit)
            raw += sum(size_bytes(columns) for _, columns in commit.batches)
            payload += written.payload_bytes
            count += 1
        elapsed_s = time.perf_counter() - started_s
        after, restarts = io_counts(), log_restarts(path) - before_restarts
        spool.close()
    disk = max(after[name] - before[name] for name in ("wchar", "write_bytes"))
    flushes = count + restarts * _FLUSHES_OF_A_CHECKPOINT
    figure(BENCH, "write_amplification", disk / raw, "", peer="bytes of the samples", ratio=disk / raw)
    figure(BENCH, "write_amplification_compressed", disk / payload, "", peer="bytes published", ratio=disk / payload)
    figure(BENCH, "bytes_per_sample", disk / (SECONDS * READS * TAGS_A_READ), "B")
    figure(BENCH, "fsync_per_s", flushes / SECONDS, "1/s")
    figure(BENCH, "commits_per_s", count / elapsed_s, "1/s")


if __name__ == "__main__":
    main()
