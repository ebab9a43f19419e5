"""What the spool costs the disk of a floor box, and how fast a backlog leaves it: 1,000 tags a second.

    reads ──Batcher (a second or 64 kB)──► group commit ──SpoolFile──► SQLite ──► /proc/self/io      an hour, fast clock
    backlog, live samples ──uplink──► broker ──► a receiver that receipts                           an hour, drained

The cloud receipts every batch a second later and receipted batches stay for ten minutes, which is longer than the log
waits to be written back: so receipts, deleting and writing every page twice are all part of it. SQLite flushes once a
commit and three times when it writes its log back (log, database, new log header); how often it did that stands in the
header of the log.

Two figures tell what is written for each byte that is published: `write_amplification_compressed` counts the bytes of
the write calls, as strace does; `block_amplification` counts the blocks of 4 kB that the file system has to write for
them. A commit a second rewrites the block in which the one before has ended, whatever the database.
"""

import asyncio
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.figures import figure
from benchmarks.spool_drain import drain
from edge_gateway.batcher import Batcher, size_bytes
from edge_gateway.catalog import revision
from edge_gateway.keep import Group, Keep
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.file import Commit, SpoolFile
from edge_gateway.spool.room import Limits
from edge_gateway.uplink.delivery import Change
from edge_gateway.uplink.ranges import Ranges
from protocols.sample import Column, Columns, ValueKind
from protocols.wire import catalog
from protocols.wire.catalog import Catalog, CatalogTag
from runtime.clock import NS_PER_S, ClockState

BENCH = "spool"
READS, TAGS_A_READ = 20, 50
SECONDS = 3600
KEEP_S = 600
MAX_BYTES = 512 << 20
ANSWER_S = (0.002, 0.012)
BACKLOG_S, LIVE_S = 3600, 120
OUTAGE_S = 72 * 3600
RUN = UUID(int=1)
START_NS = 1_790_000_000 * NS_PER_S
_FLUSHES_OF_A_CHECKPOINT = 3
_TAGS = [
    CatalogTag(alias=alias, machine="press-1", tag=f"t{alias}", kind="float", unit="")
    for alias in range(READS * TAGS_A_READ)
]
CATALOG = Catalog(revision=revision(_TAGS), tags=_TAGS)


def reads(seconds: int) -> Iterator[tuple[float, Columns]]:
    """Twenty reads of 50 float32 a second; a device takes some ms to answer, and every value moves a little."""
    chance = np.random.default_rng(1)
    walk = chance.uniform(0, 100, READS * TAGS_A_READ)
    codes = np.zeros(TAGS_A_READ, np.uint16)
    for number in range(seconds * READS):
        alias = np.arange(TAGS_A_READ, dtype=np.uint32) + number % READS * TAGS_A_READ
        walk[alias] += chance.normal(0, 0.1, TAGS_A_READ)
        values = walk[alias].astype(np.float32).astype(np.float64)
        now_s = number / READS + chance.uniform(*ANSWER_S)
        times = np.full(TAGS_A_READ, START_NS + round(now_s * NS_PER_S), np.int64)
        yield now_s, (Column(ValueKind.FLOAT, alias, times, values, codes),)


def commits(seconds: int) -> Iterator[Commit]:
    """What the recorder would commit, and when; each commit brings the receipt for the one before."""
    for seq_before, groups in enumerate(_groups(seconds)):
        changes = [Change(RUN, Ranges([(seq_before, seq_before)]), Ranges())] if seq_before else []
        now_ns = max(int(column.time_ns[-1]) for _, columns in groups for column in columns)
        yield Commit(groups, changes, now_ns, ClockState.SYNCED)


def _groups(seconds: int) -> Iterator[list[Group]]:
    batcher = Batcher()
    for now_s, columns in reads(seconds):
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


def write_an_hour(path: Path) -> None:
    """Tell what it costs to write."""
    spool = SpoolFile(path, MAX_BYTES, KEEP_S)
    spool.open()
    begin(spool)
    raw = payload = count = 0
    before, before_restarts, started_s = io_counts(), log_restarts(path), time.perf_counter()
    for commit in commits(SECONDS):
        written = spool.write(commit)
        raw += sum(size_bytes(columns) for _, columns in commit.batches)
        payload += written.payload_bytes
        count += 1
    elapsed_s = time.perf_counter() - started_s
    after, restarts = io_counts(), log_restarts(path) - before_restarts
    spool.close()
    calls, blocks = (after[name] - before[name] for name in ("wchar", "write_bytes"))
    flushes = count + restarts * _FLUSHES_OF_A_CHECKPOINT
    figure(BENCH, "write_amplification", calls / raw, "", peer="bytes of the samples", ratio=calls / raw)
    figure(BENCH, "write_amplification_compressed", calls / payload, "", peer="bytes published", ratio=calls / payload)
    figure(BENCH, "block_amplification", blocks / payload, "", peer="bytes published", ratio=blocks / payload)
    figure(BENCH, "bytes_per_sample", blocks / (SECONDS * READS * TAGS_A_READ), "B")
    figure(BENCH, "fsync_per_s", flushes / SECONDS, "1/s")
    figure(BENCH, "commits_per_s", count / elapsed_s, "1/s")


def begin(spool: SpoolFile) -> None:
    spool.begin_runs({Keep.NORMAL: RUN}, CATALOG.revision, catalog.encode(CATALOG), START_NS)


def write_a_backlog(path: Path) -> float:
    """An outage of some minutes; returns how many bytes the database grows in a second of it."""
    spool = SpoolFile(path, MAX_BYTES, KEEP_S)
    spool.open()
    begin(spool)
    for commit in commits(BACKLOG_S):
        spool.write(Commit(commit.batches, (), commit.now_ns, commit.clock))
    spool.close()
    return path.stat().st_size / BACKLOG_S


def outages(bytes_per_s: float) -> None:
    """Tell how long a spool of the usual size lasts, and what three days need."""
    usual = Limits(SpoolSettings().max_bytes)
    beside = usual.max_bytes - usual.database_bytes
    figure(BENCH, "outage_72h_bytes", bytes_per_s * OUTAGE_S + beside, "B", peer="bytes of the default cap",
           ratio=(bytes_per_s * OUTAGE_S + beside) / usual.max_bytes)  # fmt: skip
    figure(BENCH, "default_cap_hours", usual.database_bytes / bytes_per_s / 3600, "h")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lw-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_an_hour(folder / "hour.spool")
        outages(write_a_backlog(folder / "backlog.spool"))
        drained = asyncio.run(drain(folder, CATALOG, (columns for _, columns in reads(LIVE_S))))
    ratio = drained.samples / drained.took_s / (READS * TAGS_A_READ)
    figure(BENCH, "drain_samples_per_s", drained.samples / drained.took_s, "1/s", peer="1,000 live tags/s", ratio=ratio)
    figure(BENCH, "drain_ratio", ratio, "")
    figure(BENCH, "live_lag_most_s", drained.live_lag_s, "s")


if __name__ == "__main__":
    main()
