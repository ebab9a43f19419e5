"""Damage anywhere costs only what is damaged, and is told; tests.soak.spool_damage tries it a thousandfold."""

import contextlib
import sqlite3

import pytest

from edge_gateway.keep import Keep
from edge_gateway.spool import file as spool_file
from edge_gateway.spool import salvage
from edge_gateway.spool.rows import SEQ_END
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from edge_gateway.uplink.ranges import Ranges
from protocols.wire import columnar
from tests.edge_gateway.gateway_parts import NOW_NS
from tests.edge_gateway.spool_parts import DAY_S, MIB, RUN, keys, noise, opened, write
from tests.soak import spool_damage


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gw.spool"


def test_bits_blocks_and_ends_of_file_and_log():
    total = spool_damage.run(trials=60, seed=4)
    assert spool_damage.clean(total), total
    assert total["came"] > 60 * 120 * 0.8
    assert 10 < total["set_aside"] < 60


def test_the_check_notices_a_salvage_that_finds_nothing(monkeypatch):
    monkeypatch.setattr(salvage, "carve", lambda *_: iter(()))
    assert spool_damage.run(trials=10, seed=4)["whole_but_missing"] > 0


def test_the_check_notices_damaged_bytes_that_are_sent(monkeypatch):
    monkeypatch.setattr(spool_file, "is_whole", lambda *_: True)
    assert spool_damage.run(trials=20, seed=4)["wrong"] > 0


def test_changed_bytes_of_a_payload_are_found_before_they_are_sent(path):
    spool = opened(path)
    write(spool, noise(10, 1), noise(10, 2))
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE batch SET body = zeroblob(length(body)) WHERE id & 0xffff = 1")
    spool, _ = open_spool_file(path, 64 * MIB, DAY_S)
    damaged, whole = spool.load([BatchKey(RUN, 1), BatchKey(RUN, 2)])
    assert damaged is None
    assert columnar.decode(whole).header.seq == 2
    (gap,) = spool.dropped()
    assert (gap.first_seq, gap.samples, gap.reason) == (1, 10, "damaged")
    spool.close()


def test_a_batch_under_a_number_that_is_not_its_own_is_not_sent(path):
    spool = opened(path)
    write(spool, noise(10, 1), noise(10, 2))
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE batch SET id = id + 7 WHERE id & 0xffff = 2")
    spool, _ = open_spool_file(path, 64 * MIB, DAY_S)
    assert spool.load([BatchKey(RUN, 9)]) == [None]
    spool.close()


def test_a_run_that_is_not_that_of_its_batches_is_put_right(path):
    spool = opened(path)
    written = write(spool, noise(10, 1), noise(10, 2))
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE run SET run_id = zeroblob(16)")
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert found.set_aside.name == "gw.spool.damaged"
    assert keys(found.runs) == written.keys
    spool.close()


def test_what_is_missing_in_between_is_told_with_its_time(path):
    spool = opened(path)
    for seed in range(30):
        write(spool, noise(200, seed))
    payload = spool.load([BatchKey(RUN, 12)])[0]
    spool.close()
    data = bytearray(path.read_bytes())
    at = data.index(payload[-300:-200])
    data[at] ^= 1  # in the payload of batch 12
    data[100:108] = bytes(8)  # and in the head of the file, so that SQLite refuses it
    path.write_bytes(data)
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert list(found.runs[0].open) == [(1, 11), (13, 30)]
    behind, gap = spool.dropped()
    assert (gap.first_seq, gap.last_seq, gap.reason) == (12, 12, "damaged")
    assert gap.first_ns == gap.last_ns == NOW_NS
    assert (behind.first_seq, behind.last_seq, behind.samples, behind.reason) == (31, SEQ_END, 0, "damaged")
    spool.close()


def test_transactions_behind_a_damaged_place_of_the_log_come_through(path, tmp_path):
    spool = opened(path)
    for seed in range(20):
        write(spool, noise(100, seed))
    log = bytearray(path.with_name("gw.spool-wal").read_bytes())
    database = path.read_bytes()
    spool.close()
    log[len(log) // 2] ^= 1
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "gw.spool").write_bytes(database)
    (cut / "gw.spool-wal").write_bytes(log)
    spool, found = open_spool_file(cut / "gw.spool", 64 * MIB, DAY_S)
    assert found.salvaged >= 19
    assert found.runs[0].open.last == 20
    spool.close()


def test_a_transaction_torn_by_a_power_cut_is_no_damage(path, tmp_path):
    spool = opened(path)
    write(spool, noise(100, 1))
    write(spool, noise(100, 2))
    log, database = path.with_name("gw.spool-wal").read_bytes(), path.read_bytes()
    spool.close()
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "gw.spool").write_bytes(database)
    (cut / "gw.spool-wal").write_bytes(log[:-700] + bytes(700))
    spool, found = open_spool_file(cut / "gw.spool", 64 * MIB, DAY_S)
    assert found.set_aside is None
    assert list(found.runs[0].open) == [(1, 1)]
    spool.close()


def test_a_file_that_is_no_database_is_set_aside(path):
    path.write_bytes(b"not a database" * 1000)
    spool, found = open_spool_file(path, MIB, DAY_S)
    assert found.set_aside.name == "gw.spool.damaged"
    assert found.salvaged == 0
    spool.begin_runs({Keep.NORMAL: RUN}, 7, b"{}", NOW_NS)
    assert write(spool, noise(10, 1)).keys == [BatchKey(RUN, 1)]
    spool.close()


def test_a_salvage_that_is_killed_starts_over_or_is_finished(path):
    spool = opened(path)
    written = write(spool, noise(10, 1))
    payload = spool.load(written.keys)[0]
    spool.close()
    path.with_name("gw.spool-salvaged").write_bytes(b"half of it")
    data = bytearray(path.read_bytes())
    data[100:108] = bytes(8)
    path.write_bytes(data)
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert spool.load(keys(found.runs)) == [payload]
    spool.close()
    path.rename(path.with_name("gw.spool-salvaged"))  # killed between the two renames at its end
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert spool.load(keys(found.runs)) == [payload]
    spool.close()


def test_dropped_ranges_are_still_told_after_a_salvage(path):
    spool = opened(path, max_bytes=MIB)
    for seed in range(100):
        write(spool, noise(1000, seed))
    before = spool.dropped()
    spool.close()
    data = bytearray(path.read_bytes())
    data[100:108] = bytes(8)
    path.write_bytes(data)
    spool, found = open_spool_file(path, 4 * MIB, DAY_S)
    assert before[0] in spool.dropped()
    gone = Ranges((gap.first_seq, gap.last_seq) for gap in before)
    assert not gone.common(found.runs[0].open)
    spool.close()
