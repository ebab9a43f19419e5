"""A spool of an earlier release is taken over with all that is in it; one of a later release is left alone."""

import contextlib
import sqlite3
from uuid import UUID

import pytest

from edge_gateway import SpoolUnwritable
from edge_gateway.keep import Keep
from edge_gateway.spool import layout as spool_layout
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey, Delivery
from runtime.clock import NS_PER_S
from tests.edge_gateway.gateway_parts import NOW_NS
from tests.edge_gateway.spool_layout_1 import REVISION, write_layout_1
from tests.edge_gateway.spool_parts import DAY_S, MIB, RUN, disk_bytes, keys, noise, opened, write

OTHER = UUID(int=2)
RECEIPTED = {*range(4, 30), 35}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gw.spool"


@pytest.fixture
def payloads(path):
    return write_layout_1(path, RUN, {seq: noise(50 + 20 * seq, seq) for seq in range(4, 90)}, RECEIPTED)


def check(path, payloads) -> None:
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    (held,) = found.runs
    assert (held.run, held.revision, list(held.receipted)) == (RUN, REVISION, [(4, 29), (35, 35)])
    assert list(held.open) == [(30, 34), (36, 89)]
    assert dict(zip((key.seq for key in keys(found.runs)), spool.load(keys(found.runs)), strict=True)) == payloads
    assert found.catalogs == {REVISION: b"{}"}
    assert [gap.samples for gap in spool.dropped()] == [900]
    spool.begin_runs({Keep.NORMAL: OTHER}, 8, b"{}", NOW_NS)
    gone = write(spool, noise(3, 1), now_ns=NOW_NS + (DAY_S + 1) * NS_PER_S).gone
    assert gone
    assert {key.seq for key in gone} <= RECEIPTED
    delivery = Delivery()
    for run in found.runs:
        delivery.hold(run.run, run.open, run.receipted)
    delivery.begin([OTHER], 0.0)
    sent = [key for _ in range(9) for key in delivery.take(0.0, 16)]
    assert [key.seq for key in sent] == [*range(30, 35), *range(36, 90)]
    assert None not in spool.load(sent)
    spool.close()


def test_a_spool_of_layout_1_is_delivered_completely(path, payloads):
    check(path, payloads)
    check_again = sqlite3.connect(path)
    tables = {name for (name,) in check_again.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    check_again.close()
    assert tables == {"run", "catalog", "batch", "receipted", "dropped"}


def test_a_move_that_was_killed_goes_on(path, payloads, monkeypatch):
    real, blocks = spool_layout._receipt, []

    def killed(*arguments):
        blocks.append(1)
        if len(blocks) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(spool_layout, "_receipt", killed)
    with pytest.raises(KeyboardInterrupt):
        open_spool_file(path, 64 * MIB, DAY_S)
    monkeypatch.undo()
    check(path, payloads)


def test_moving_needs_hardly_more_space_than_there_is(path):
    write_layout_1(path, RUN, {seq: noise(1000, seq) for seq in range(4, 400)}, set())
    before = disk_bytes(path)
    spool, _ = open_spool_file(path, 8 * MIB, DAY_S)
    spool.close()
    path.with_name("gw.spool-reserve").unlink()
    assert disk_bytes(path) < before * 1.1


def test_a_damaged_spool_of_layout_1_is_salvaged(path, payloads):
    data = bytearray(path.read_bytes())
    data[100:108] = bytes(8)
    path.write_bytes(data)
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert found.set_aside
    assert found.salvaged == len(payloads)
    assert spool.load([BatchKey(RUN, seq) for seq in payloads]) == list(payloads.values())
    spool.close()


def test_a_layout_of_the_future_is_left_alone(path):
    opened(path).close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE novelty (id INTEGER)")
        other.execute("PRAGMA user_version = 9")
    with pytest.raises(SpoolUnwritable, match="newer version"):
        open_spool_file(path, MIB, DAY_S)
    assert path.exists()


@pytest.mark.parametrize("version", [0, 1, 3, 9])
def test_a_changed_number_of_the_layout_is_damage(path, version):
    spool = opened(path)
    written = write(spool, noise(10, 1))
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {version}")
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert found.set_aside
    assert keys(found.runs) == written.keys
    spool.close()
