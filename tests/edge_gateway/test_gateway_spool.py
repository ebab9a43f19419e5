"""The spool file: what is written is there, the cap holds, damage costs only what is damaged."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from edge_gateway import SpoolTaken, SpoolUnwritable
from edge_gateway.delivery import BatchKey, Change
from edge_gateway.ranges import Ranges
from edge_gateway.salvage import open_spool_file
from edge_gateway.spool_file import Commit, SpoolFile
from protocols.wire import columnar
from runtime.clock import NS_PER_S, ClockState
from tests.edge_gateway.gateway_parts import NOW_NS, floats

MIB = 1 << 20
RUN = UUID(int=1)
DAY_S = 86_400


def opened(path: Path, max_bytes: int = 64 * MIB, run: UUID = RUN, keep_s: float = DAY_S) -> SpoolFile:
    spool, _ = open_spool_file(path, max_bytes, keep_s)
    spool.begin_run(run, 7, b"{}", NOW_NS)
    return spool


def noise(samples: int, seed: int):
    """Columns that do not compress."""
    return floats(range(samples), np.random.default_rng(seed).random(samples))


def write(spool: SpoolFile, *batches, changes=(), now_ns: int = NOW_NS):
    return spool.write(Commit(list(batches), list(changes), now_ns, ClockState.SYNCED))


def receipted(*ranges: tuple[int, int], run: UUID = RUN) -> Change:
    return Change(run, Ranges(ranges), Ranges())


def disk_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.iterdir() if file.name.startswith(path.name))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "gw.spool"


def test_what_is_written_comes_back_with_its_identity(path):
    spool = opened(path)
    written = write(spool, floats([1, 2], [1.5, 2.5]), floats([3], [4.0]))
    assert written.keys == [BatchKey(RUN, 1), BatchKey(RUN, 2)]
    first, second = (columnar.decode(payload) for payload in spool.load(written.keys))
    assert (first.header.run_id, first.header.seq, first.header.revision) == (RUN, 1, 7)
    assert first.header.clock is ClockState.SYNCED
    assert first.columns[0].value.tolist() == [1.5, 2.5]
    assert second.count == 1
    assert spool.load([BatchKey(RUN, 3)]) == [None]
    spool.close()


def test_another_start_finds_everything_under_its_old_run_and_numbers_its_own_anew(path):
    spool = opened(path)
    write(spool, noise(10, 1), noise(10, 2), noise(10, 3))
    write(spool, changes=[receipted((1, 1), (3, 3))])
    spool.close()
    other = UUID(int=2)
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert [(held.run, list(held.open), list(held.receipted)) for held in found.runs] == [
        (RUN, [(2, 2)], [(1, 1), (3, 3)])
    ]
    assert found.catalogs == {7: b"{}"}
    spool.begin_run(other, 8, b"[]", NOW_NS)
    assert write(spool, noise(10, 4)).keys == [BatchKey(other, 1)]
    assert [columnar.decode(payload).header.seq for payload in spool.before_this_run(2)] == [3, 2]
    spool.close()


def test_two_processes_never_share_a_spool(path):
    spool = opened(path)
    with pytest.raises(SpoolTaken, match="another process"):
        open_spool_file(path, MIB, DAY_S)
    spool.close()


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(SpoolUnwritable, match="folder that it may write to"):
        open_spool_file(tmp_path / "nowhere" / "gw.spool", MIB, DAY_S)


def test_receipted_batches_stay_until_their_time_is_up_and_open_ones_for_ever(path):
    spool = opened(path, keep_s=100)
    for seed in range(130):
        write(spool, noise(4, seed))
    write(spool, changes=[receipted((1, 100))])
    late_ns = NOW_NS + 101 * NS_PER_S
    assert write(spool, noise(4, 0), now_ns=NOW_NS + 99 * NS_PER_S).gone == []
    assert [key.seq for key in write(spool, noise(4, 0), now_ns=late_ns).gone] == list(range(1, 65))
    assert write(spool, noise(4, 0), now_ns=late_ns).gone == []  # less than a block
    (held,) = spool.runs()
    assert list(held.receipted) == [(65, 100)]
    assert list(held.open) == [(101, 133)]
    spool.close()


def test_a_reopened_batch_is_open_again(path):
    spool = opened(path)
    write(spool, noise(4, 1), noise(4, 2))
    write(spool, changes=[receipted((1, 2))])
    write(spool, changes=[Change(RUN, Ranges(), Ranges([(2, 2)]))])
    (held,) = spool.runs()
    assert (list(held.open), list(held.receipted)) == ([(2, 2)], [(1, 1)])
    spool.close()


def test_the_cap_holds_and_what_is_receipted_goes_first(path):
    spool = opened(path, max_bytes=4 * MIB)
    gone, dropped = [], 0
    for seq in range(1, 301):
        written = write(spool, noise(2000, seq), changes=[receipted((seq - 1, seq - 1))] if seq <= 50 else [])
        gone += [key.seq for key in written.gone]
        dropped += written.dropped_batches
        assert disk_bytes(path) <= 4 * MIB
    assert sorted(gone[:48]) == list(range(1, 49))
    (held,) = spool.runs()
    assert dropped == 300 - 49 - len(held.open)
    assert held.open.last == 300
    (gap,) = spool.dropped()
    assert (gap.run, gap.first_seq, gap.last_seq, gap.reason) == (RUN, 50, held.open.first - 1, "no_space")
    assert gap.samples == dropped * 2000
    assert disk_bytes(path) > 3 * MIB
    spool.close()


def test_batches_that_never_fit_are_refused_not_lost(path):
    spool = opened(path, max_bytes=MIB)
    with pytest.raises(SpoolUnwritable, match="do not fit"):
        write(spool, noise(200_000, 1))
    assert write(spool, noise(10, 1)).keys == [BatchKey(RUN, 2)]
    spool.close()


def test_changed_bytes_of_a_payload_are_found_before_they_are_sent(path):
    spool = opened(path)
    write(spool, noise(10, 1), noise(10, 2))
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE payload SET body = zeroblob(length(body)) WHERE id & 0xffff = 1")
    spool, _ = open_spool_file(path, 64 * MIB, DAY_S)
    damaged, whole = spool.load([BatchKey(RUN, 1), BatchKey(RUN, 2)])
    assert damaged is None
    assert columnar.decode(whole).header.seq == 2
    (gap,) = spool.dropped()
    assert (gap.first_seq, gap.samples, gap.reason) == (1, 10, "damaged")
    spool.close()


def test_a_file_that_is_no_database_is_set_aside(path):
    path.write_bytes(b"not a database" * 1000)
    spool, found = open_spool_file(path, MIB, DAY_S)
    assert found.set_aside.name == "gw.spool.damaged-1"
    assert found.salvaged == 0
    spool.begin_run(RUN, 7, b"{}", NOW_NS)
    assert write(spool, noise(10, 1)).keys == [BatchKey(RUN, 1)]
    spool.close()


def test_a_layout_of_the_future_is_left_alone(path):
    opened(path).close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 9")
    with pytest.raises(SpoolUnwritable, match="newer version"):
        open_spool_file(path, MIB, DAY_S)
    assert path.exists()


def test_damage_anywhere_costs_only_what_is_damaged(tmp_path):
    """Flipped bytes in file and log: it opens, and every batch that comes out is one that went in."""
    chance = random.Random(4)
    source = tmp_path / "source"
    source.mkdir()
    spool = opened(source / "gw.spool")
    truth = {}
    for seed in range(40):
        keys = write(spool, noise(300, seed)).keys
        truth.update(zip(keys, spool.load(keys), strict=True))
    shutil.copytree(source, tmp_path / "image")  # as a power cut would leave it: with its log
    spool.close()
    salvaged = [0, 0]
    for trial in range(60):
        copy = tmp_path / f"trial-{trial}"
        shutil.copytree(tmp_path / "image" if trial % 2 else source, copy)
        for name in ("gw.spool", "gw.spool-wal"):
            if (copy / name).exists():
                _flip(copy / name, chance)
        spool, found = open_spool_file(copy / "gw.spool", 64 * MIB, DAY_S)
        for held in found.runs:
            keys = [BatchKey(held.run, seq) for low, high in held.open for seq in range(low, high + 1)]
            for key, payload in zip(keys, spool.load(keys), strict=True):
                assert payload in (None, truth.get(key))
                salvaged[trial % 2] += payload is not None
        spool.begin_run(UUID(int=99), 7, b"{}", NOW_NS)
        assert write(spool, noise(3, 1)).keys == [BatchKey(UUID(int=99), 1)]
        spool.close()
    from_file, from_log = salvaged
    assert from_file > 30 * 40 * 0.6
    assert from_log > 0  # what stands behind a damaged place of the log is lost with it


def _flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 3, 20])):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data) + 1) :]
    path.write_bytes(data)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    mount = shutil.which("mount")
    if os.geteuid() or not mount:
        pytest.skip("mounting a small tmpfs needs root")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "none", place], check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_on_a_full_disk_the_oldest_goes_and_every_drop_is_counted(small_disk):
    path = small_disk / "gw.spool"
    spool = opened(path, max_bytes=16 * MIB)
    dropped = samples = 0
    for seq in range(1, 401):
        written = write(spool, noise(1000, seq))
        dropped += written.dropped_batches
        samples += written.dropped_samples
    (held,) = spool.runs()
    assert dropped > 100
    assert len(held.open) + dropped == 400
    assert held.open.last == 400
    assert sum(gap.samples for gap in spool.dropped()) == samples == dropped * 1000
    spool.close()
    spool, found = open_spool_file(path, 16 * MIB, DAY_S)
    assert found.set_aside is None
    spool.close()


def test_when_somebody_else_fills_the_disk_nothing_is_lost_and_writing_resumes(small_disk):
    path = small_disk / "gw.spool"
    spool = opened(path, max_bytes=16 * MIB)
    seqs = []
    (small_disk / "other").write_bytes(bytes(2 * MIB))
    refused = 0
    for seed in range(60):
        if seed == 40:
            (small_disk / "other").unlink()
        with contextlib.suppress(SpoolUnwritable):
            seqs += [key.seq for key in write(spool, noise(1000, seed)).keys]
            continue
        refused += 1
    assert len(seqs) + refused == 60
    assert len(seqs) > 30
    (held,) = spool.runs()
    lost = sum(gap.last_seq - gap.first_seq + 1 for gap in spool.dropped())
    assert len(held.open) + lost == len(seqs)
    spool.close()


def test_a_start_on_a_full_disk_works_with_what_is_reserved(small_disk):
    path = small_disk / "gw.spool"
    spool = opened(path, max_bytes=16 * MIB)
    write(spool, noise(1000, 1))
    spool.close()
    with (small_disk / "other").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    spool = opened(path, max_bytes=16 * MIB, run=UUID(int=2))
    assert write(spool, noise(10, 2)).keys == [BatchKey(UUID(int=2), 1)]
    assert [held.run for held in spool.runs()] == [RUN, UUID(int=2)]
    spool.close()
