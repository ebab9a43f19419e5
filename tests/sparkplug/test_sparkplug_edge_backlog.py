"""Which batches wait, which are history, which are sent again, and what is remembered over a restart."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.sparkplug import commands
from edge_gateway.sparkplug.backlog import Backlog
from edge_gateway.sparkplug.host import PrimaryHost
from edge_gateway.sparkplug.memory import Memory
from edge_gateway.uplink.ranges import Ranges
from protocols.sparkplug import payload, state
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import parse
from tests.sparkplug.edge_parts import RUN, key

OLDER = UUID(int=4)
NCMD, DCMD = parse("spBv1.0/demo/NCMD/gw-1"), parse("spBv1.0/demo/DCMD/gw-1/press-1")


def backlog(held=(), sent=(), again_s=60.0) -> Backlog:
    return Backlog({OLDER: Ranges(held)}, {OLDER: Ranges(sent)}, again_s)


def test_a_batch_is_fresh_until_it_is_looked_at_and_old_until_it_is_sent():
    one = backlog()
    one.add(key(1))
    assert (one.fresh, one.old) == (key(1), key(1))
    one.looked_at(key(1))
    assert (one.fresh, one.old) == (None, key(1))
    one.sent(key(1), 0)
    assert (one.old, len(one)) == (None, 0)


def test_what_an_earlier_process_left_goes_first_and_what_it_sent_does_not_go_again():
    one = backlog(held=[(1, 9)], sent=[(1, 6)])
    one.add(key(1))
    one.looked_at(key(1))
    found = []
    while old := one.old:
        found.append(old)
        one.sent(old, 0)
    assert found == [key(7, OLDER), key(8, OLDER), key(9, OLDER), key(1)]


def test_what_was_sent_shortly_before_a_loss_is_sent_again():
    one = backlog()
    for seq, at_s in ((1, 0.0), (2, 50.0), (3, 100.0)):
        one.add(key(seq))
        one.looked_at(key(seq))
        one.sent(key(seq), at_s)
    one.doubt(105.0)
    assert one.old == key(2)
    assert one.all_sent == {RUN: [(1, 1)]}


def test_what_is_old_enough_is_sure_once():
    one = backlog(again_s=10)
    one.add(key(1))
    one.sent(key(1), 0)
    assert one.sure(9.9) == []
    assert one.sure(10.0) == [key(1)]
    assert one.sure(99.0) == []


def test_what_leaves_the_spool_unsent_is_counted():
    one = backlog()
    for seq in (1, 2, 3):
        one.add(key(seq))
    one.sent(key(1), 0)
    one.gone(RUN, [(1, 2)])
    assert (one.lost, one.fresh, one.all_sent) == (1, key(3), {})


@given(st.lists(st.tuples(st.sampled_from(["add", "look", "send", "gone", "doubt"]), st.integers(1, 12)), max_size=60))
def test_every_batch_is_sent_lost_or_waiting(steps):
    one = backlog()
    added: set[int] = set()
    gone: set[int] = set()
    for now_s, (step, seq) in enumerate(steps):
        if step == "add" and seq not in added:
            added.add(seq)
            one.add(key(seq))
        elif step == "look" and one.fresh:
            one.looked_at(one.fresh)
        elif step == "send" and (next_ := one.fresh or one.old):
            one.sent(next_, now_s)
        elif step == "gone" and seq in added:
            gone.add(seq)
            one.gone(RUN, [(seq, seq)])
        elif step == "doubt":
            one.doubt(now_s)
    sent = Ranges(one.all_sent.get(RUN, []))
    assert len(one) + len(sent) + len(gone) == len(added)
    assert one.lost <= len(gone)


def test_the_memory_counts_connections_over_restarts(tmp_path):
    spool = tmp_path / "gw.spool"
    assert Memory(spool).load() is None
    for wanted in (0, 1, 2):
        memory = Memory(spool)
        memory.load()
        assert memory.next_bd_seq({RUN: [(1, wanted + 1)]}) == wanted
    assert Memory(spool).load().ranges() == {RUN: Ranges([(1, 3)])}


def test_the_number_of_connections_begins_again_after_255(tmp_path):
    memory = Memory(tmp_path / "gw.spool")
    assert [memory.next_bd_seq({}) for _ in range(258)] == [*range(256), 0, 1]


def test_a_damaged_memory_is_begun_anew(tmp_path):
    spool = tmp_path / "gw.spool"
    Memory(spool).next_bd_seq({})
    (tmp_path / "gw.spool-sparkplug").write_bytes(b"{half")
    memory = Memory(spool)
    assert memory.load() is None
    assert memory.next_bd_seq({}) == 0


def test_a_disk_that_is_gone_does_not_stop_the_node(tmp_path):
    assert Memory(tmp_path / "nowhere" / "gw.spool").next_bd_seq({}) == 0


@pytest.mark.parametrize(
    ("states", "online"),
    [
        ([], False),
        ([(True, 5)], True),
        ([(True, 5), (False, 5)], False),
        ([(True, 5), (False, 4)], True),
        ([(False, 9), (True, 8)], False),
        ([(True, 5), (False, 6), (True, 6)], True),
    ],
)
def test_the_primary_host_is_what_its_newest_state_says(states, online):
    host = PrimaryHost()
    for is_online, timestamp_ms in states:
        host.told(state.encode(online=is_online, timestamp_ms=timestamp_ms))
    assert host.online is online


@pytest.mark.parametrize("rubbish", [b"", b"ONLINE", b"{}", b'{"online": "yes", "timestamp": 1}', b"\xff"])
def test_a_state_that_nobody_understands_changes_nothing(rubbish):
    host = PrimaryHost()
    host.told(state.encode(online=True, timestamp_ms=5))
    host.told(rubbish)
    assert host.online


def test_a_new_session_does_not_trust_an_old_state():
    host = PrimaryHost()
    host.told(state.encode(online=True, timestamp_ms=5))
    host.forget()
    assert not host.online
    host.told(state.encode(online=True, timestamp_ms=4))
    assert not host.online
    host.told(state.encode(online=True, timestamp_ms=5))
    assert host.online


def command(*metrics: Metric) -> bytes:
    return payload.encode(Payload(1, metrics))


def test_a_rebirth_is_the_only_command():
    asked = commands.read(NCMD, command(Metric("Node Control/Rebirth", DataType.BOOLEAN, True)))
    assert asked == (True, ())
    assert commands.read(NCMD, command(Metric("Node Control/Rebirth", DataType.BOOLEAN, False))) == (False, ())


def test_everything_else_is_refused():
    asked = commands.read(
        DCMD, command(Metric("a", DataType.DOUBLE, 1.0), Metric(None, DataType.DOUBLE, 1.0, alias=101))
    )
    assert asked == (False, ("press-1: a", "press-1: alias 101"))
    assert commands.read(NCMD, command(Metric("Node Control/Reboot", DataType.BOOLEAN, True))) == (
        False,
        ("node: Node Control/Reboot",),
    )
    assert commands.read(DCMD, command(Metric("Node Control/Rebirth", DataType.BOOLEAN, True))).rebirth is False
    assert len(commands.read(NCMD, b"\xff\xff").refused) == 1
