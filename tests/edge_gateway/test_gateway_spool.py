"""The spool file: what is written is there, under its identity, until the cloud has it and its time is up."""

from uuid import UUID

import pytest

from edge_gateway import SpoolTaken, SpoolUnwritable
from edge_gateway.keep import Keep
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey, Change
from edge_gateway.uplink.ranges import Ranges
from protocols.wire import columnar
from runtime.clock import NS_PER_S, ClockState
from tests.edge_gateway.gateway_parts import NOW_NS, floats
from tests.edge_gateway.spool_parts import DAY_S, MIB, RUN, noise, opened, receipted, write

OTHER = UUID(int=2)


@pytest.fixture
def path(tmp_path):
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
    spool.close(NOW_NS)
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert [(held.run, list(held.open), list(held.receipted)) for held in found.runs] == [
        (RUN, [(2, 2)], [(1, 1), (3, 3)])
    ]
    assert found.catalogs == {7: b"{}"}
    spool.begin_runs({Keep.NORMAL: OTHER}, 8, b"[]", NOW_NS)
    assert write(spool, noise(10, 4)).keys == [BatchKey(OTHER, 1)]
    assert [columnar.decode(payload).header.seq for payload in spool.before_this_run(2)] == [3, 2]
    spool.close()


def test_a_receipt_is_written_down_after_half_a_minute_and_costs_nothing_before(path):
    spool = opened(path)
    write(spool, noise(10, 1), noise(10, 2))
    write(spool, changes=[receipted((1, 1))])
    log = path.with_name("gw.spool-wal")
    before = log.stat().st_size
    write(spool, changes=[receipted((2, 2))], now_ns=NOW_NS + 29 * NS_PER_S)
    assert log.stat().st_size == before
    write(spool, now_ns=NOW_NS + 31 * NS_PER_S)
    assert log.stat().st_size > before
    assert list(spool.held()[0].receipted) == [(1, 2)]
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
    assert [key.seq for key in write(spool, noise(4, 0), now_ns=late_ns).gone] == list(range(1, 65))  # a block
    assert [key.seq for key in write(spool, noise(4, 0), now_ns=late_ns).gone] == list(range(65, 101))
    assert write(spool, noise(4, 0), now_ns=late_ns).gone == []
    (held,) = spool.held()
    assert not held.receipted
    assert list(held.open) == [(101, 134)]
    spool.close()


@pytest.mark.parametrize("saved", [False, True])
def test_a_reopened_batch_is_open_again_and_does_not_expire(path, saved):
    spool = opened(path, keep_s=100)
    write(spool, *(noise(4, seed) for seed in range(5)))
    write(spool, changes=[receipted((1, 5))], now_ns=NOW_NS if saved else 0)
    write(spool, changes=[Change(RUN, Ranges(), Ranges([(2, 3)]))])
    (held,) = spool.held()
    assert (list(held.open), list(held.receipted)) == ([(2, 3)], [(1, 1), (4, 5)])
    gone = [key.seq for _ in range(3) for key in write(spool, now_ns=NOW_NS + 200 * NS_PER_S).gone]
    gone += [key.seq for _ in range(3) for key in write(spool, now_ns=NOW_NS + 400 * NS_PER_S).gone]
    assert gone == [1, 4, 5]
    spool.close()


def test_with_nothing_to_keep_a_receipted_batch_goes_at_once(path):
    spool = opened(path, keep_s=0)
    write(spool, noise(4, 1), noise(4, 2))
    assert [key.seq for key in write(spool, changes=[receipted((1, 1))]).gone] == [1]
    spool.close()


def test_runs_catalogs_and_old_drops_do_not_pile_up(path):
    for number in range(1, 6):
        spool, found = open_spool_file(path, 64 * MIB, DAY_S)
        spool.begin_runs({Keep.NORMAL: UUID(int=number)}, number, b"{}", NOW_NS)
        if number == 2:
            write(spool, noise(4, 1))
        spool.close()
    assert [held.run.int for held in found.runs] == [2, 3, 4]  # the empty one before the last is gone at the next start
    assert set(found.catalogs) == {2, 3, 4}
