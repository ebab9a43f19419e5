"""What the spool costs the disk of a floor box: 1,000 tags a second, an hour of it as fast as it goes.

    a second of samples ──Batcher──► one group commit ──SpoolFile──► SQLite ──► /proc/self/io

The cloud receipts everything a second later and receipted batches stay for ten minutes, so that marking, deleting and
writing the log back are all part of it. SQLite flushes once a commit and three times when it writes its log back (log,
database, new log header); how often it did that stands in the header of the log.
"""

import struct
import tempfile
import time
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.figures import figure
from edge_gateway.batcher import Batcher, size_bytes
from edge_gateway.delivery import Change
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


def second(number: int, walk: np.ndarray, chance: np.random.Generator) -> Columns:
    """What 20 reads of 50 float32 bring within a second; every value moves a little, as measured ones do."""
    batcher = Batcher()
    walk += chance.normal(0, 0.1, len(walk))
    values = walk.astype(np.float32).astype(np.float64)
    for read in range(READS):
        alias = np.arange(read * TAGS_A_READ, (read + 1) * TAGS_A_READ, dtype=np.uint32)
        time_ns = START_NS + number * NS_PER_S + read * NS_PER_S // READS
        times, codes = np.full(len(alias), time_ns, np.int64), np.zeros(len(alias), np.uint16)
        batcher.add((Column(ValueKind.FLOAT, alias, times, values[alias], codes),), float(number))
    (columns,) = batcher.take()
    return columns


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
        spool.begin_run(RUN, 1, b"{}", START_NS)
        chance = np.random.default_rng(1)
        walk = chance.uniform(0, 100, READS * TAGS_A_READ)
        raw = payload = 0
        before, before_restarts, started_s = io_counts(), log_restarts(path), time.perf_counter()
        for number in range(1, SECONDS + 1):
            columns = second(number, walk, chance)
            changes = [Change(RUN, Ranges([(number - 1, number - 1)]), Ranges())] if number > 1 else []
            now_ns = START_NS + number * NS_PER_S
            written = spool.write(Commit([columns], changes, now_ns, ClockState.SYNCED))
            raw += size_bytes(columns)
            payload += written.payload_bytes
        elapsed_s = time.perf_counter() - started_s
        after, restarts = io_counts(), log_restarts(path) - before_restarts
        spool.close()
    tell(raw, payload, max(after[name] - before[name] for name in ("wchar", "write_bytes")), restarts, elapsed_s)


def tell(raw: int, payload: int, written: int, restarts: int, elapsed_s: float) -> None:
    samples = SECONDS * READS * TAGS_A_READ
    flushes = SECONDS + restarts * _FLUSHES_OF_A_CHECKPOINT
    figure(BENCH, "write_amplification", written / raw, "", peer="bytes of the columns", ratio=written / raw)
    figure(
        BENCH, "write_amplification_of_payload", written / payload, "", peer="compressed bytes", ratio=written / payload
    )
    figure(BENCH, "bytes_per_sample", written / samples, "B")
    figure(BENCH, "fsync_per_s", flushes / SECONDS, "1/s")
    figure(BENCH, "commits_per_s", SECONDS / elapsed_s, "1/s")


if __name__ == "__main__":
    main()
