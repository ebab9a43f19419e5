"""A spool at its cap: receipted first, then worth by worth: thinned, then dropped; every sample is accounted for."""

import tempfile
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from edge_gateway import SpoolUnwritable
from edge_gateway.clock.doubt import doubted
from edge_gateway.keep import Group, Keep
from edge_gateway.spool.file import Commit
from edge_gateway.spool.runs import Run
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from edge_gateway.uplink.ranges import Ranges
from protocols.wire import columnar
from runtime.clock import NS_PER_S, ClockState
from tests.edge_gateway.gateway_parts import NOW_NS, floats
from tests.edge_gateway.spool_parts import DAY_S, MIB, RUN, disk_bytes, keys, noise, opened, receipted, write

LOW, HIGH = UUID(int=8), UUID(int=9)
TAGS = 400


@pytest.fixture
def path(fast_folder):
    return Path(tempfile.mkdtemp(dir=fast_folder)) / "gw.spool"


def second(number: int, spike: bool = False):
    """What a second of a plant brings: one sample of each tag; its value tells when it was taken."""
    values = np.arange(TAGS) * 1e4 + number + np.random.default_rng(number).random(TAGS) / 2
    if spike:
        values[0] = 1e9
    return floats(range(TAGS), values, [NOW_NS + number * NS_PER_S] * TAGS)


def samples(spool, wanted) -> list[tuple[int, int, float]]:
    """Alias, time and value of every sample of these batches."""
    found = []
    for payload in spool.load(wanted):
        for column in columnar.decode(payload).columns:
            found += zip(column.alias.tolist(), column.time_ns.tolist(), column.value.tolist(), strict=True)
    return found


def test_the_cap_holds_and_what_is_receipted_goes_first(path):
    spool = opened(path, max_bytes=4 * MIB)
    gone, dropped = [], 0
    for seq in range(1, 301):
        written = write(spool, noise(2000, seq), changes=[receipted((seq - 1, seq - 1))] if seq <= 50 else [])
        gone += [key.seq for key in written.gone]
        dropped += written.dropped_batches
        assert disk_bytes(path) <= 4 * MIB
    assert sorted(gone[:48]) == list(range(1, 49))
    (held,) = spool.held()
    assert dropped == 300 - 49 - len(held.open)
    assert held.open.last == 300
    (gap,) = spool.dropped()
    assert (gap.run, gap.first_seq, gap.last_seq, gap.reason) == (RUN, 50, held.open.first - 1, "no_space")
    assert gap.samples == dropped * 2000
    spool.close()


@pytest.mark.parametrize("thin", [False, True])
def test_a_full_spool_takes_its_cap_to_one_percent_and_never_more(path, thin):
    cap = 16 * MIB
    spool = opened(path, max_bytes=cap, thin=thin)
    most = 0
    batches = [noise(3000, seed) for seed in range(20)]
    for number in range(900):
        write(spool, batches[number % 20])
        most = max(most, disk_bytes(path))
    assert spool.dropped()
    assert cap * 0.99 < most <= cap
    spool.close()


def test_batches_that_never_fit_are_refused_not_lost(path):
    spool = opened(path, max_bytes=MIB)
    with pytest.raises(SpoolUnwritable, match="do not fit"):
        write(spool, noise(200_000, 1))
    assert write(spool, noise(10, 1)).keys == [BatchKey(RUN, 2)]
    spool.close()


def thinned_plant(path, seconds: int, max_bytes: int = 4 * MIB):
    """A spool that has to thin, and how many samples went."""
    spool = opened(path, max_bytes=max_bytes, thin=True)
    gone, dropped, added = 0, 0, []
    for number in range(seconds):
        written = write(spool, second(number, spike=number == 40))
        gone += written.thinned_samples
        dropped += written.dropped_samples
        added += written.thinned
    return spool, gone, dropped, added


def test_before_anything_is_dropped_the_oldest_is_thinned_and_a_spike_stays(path):
    spool, gone, dropped, added = thinned_plant(path, 1800)
    assert gone > 50_000
    assert dropped == 0
    here = samples(spool, keys(spool.held()))
    assert len(here) == len(set(here)) == 1800 * TAGS - gone
    assert (0, NOW_NS + 40 * NS_PER_S, 1e9) in here
    assert {alias for alias, time_ns, _ in here if time_ns < NOW_NS + 300 * NS_PER_S} == set(range(TAGS))
    told = spool.dropped()
    assert {gap.reason for gap in told} == {"thinned"}
    assert sum(gap.samples for gap in told) == gone
    assert min(gap.first_ns for gap in told) == NOW_NS
    newest = [time_ns for _, time_ns, _ in samples(spool, [BatchKey(RUN, 1800)])]
    assert newest == [NOW_NS + 1799 * NS_PER_S] * TAGS
    assert all(key.run != RUN for key in added)
    spool.close()


def test_a_number_never_comes_with_other_content_and_no_sample_comes_twice(path):
    """A ledger that has heard of everything that was ever loaded finds no conflict and no sample twice."""
    stored = stored_after_outages(path)
    assert len(stored) == len(set(stored)) > 300_000


def test_the_check_notices_published_batches_that_are_thinned(path, monkeypatch):
    monkeypatch.setattr(Run, "first_unsent_id", Run.first_id)
    stored = stored_after_outages(path)
    assert len(stored) > len(set(stored))


def stored_after_outages(path) -> list[tuple[int, int]]:
    """Alias and time of every sample that a ledger would store: a full spool, three short connections, a restart."""
    spool = opened(path, max_bytes=4 * MIB, thin=True)
    ledger: dict[BatchKey, bytes] = {}
    for number in range(1200):
        write(spool, second(number))
        if number in (100, 400, 700):  # something is published, but no receipt comes
            sent = keys(spool.held())[:60]
            ledger |= {key: body for key, body in zip(sent, spool.load(sent), strict=True) if body}
    spool.close(NOW_NS)
    spool, _ = open_spool_file(path, 4 * MIB, DAY_S)
    spool.begin_runs({Keep.NORMAL: UUID(int=77)}, 7, b"{}", NOW_NS)
    for number in range(1200, 1300):
        write(spool, second(number))
    left = keys(spool.held())
    for key, body in zip(left, spool.load(left), strict=True):
        assert ledger.setdefault(key, body) == body
    spool.close()
    return [row for body in ledger.values() for row in decoded(body)]


def decoded(body: bytes) -> list[tuple[int, int]]:
    columns = columnar.decode(body).columns
    return [pair for c in columns for pair in zip(c.alias.tolist(), c.time_ns.tolist(), strict=True)]


def test_thinned_samples_can_be_thinned_again_and_are_dropped_in_the_end(path):
    spool, gone, dropped, _ = thinned_plant(path, 3000, max_bytes=2 * MIB)
    assert dropped > 0
    here = samples(spool, keys(spool.held()))
    assert len(here) == 3000 * TAGS - gone - dropped
    assert sum(gap.samples for gap in spool.dropped()) == gone + dropped
    spool.close()


def test_what_waits_for_its_time_is_not_thinned(path):
    spool = opened(path, max_bytes=3 * MIB, thin=True)
    here = np.ones(TAGS, np.bool_)
    for number in range(1200):
        written = write(spool, doubted(second(number), here))
        assert not written.thinned
    assert {gap.reason for gap in spool.dropped()} == {"no_space"}
    spool.close()


def test_thinned_samples_are_older_than_all_others_at_the_next_start(path):
    spool, _, _, _ = thinned_plant(path, 1800)
    spool.close()
    spool, found = open_spool_file(path, 4 * MIB, DAY_S)
    oldest = found.runs[0]
    assert oldest.run != RUN
    assert found.runs[-1].run == RUN
    spool.begin_runs({Keep.NORMAL: UUID(int=5)}, 7, b"{}", NOW_NS)
    newest = columnar.decode(spool.before_this_run(1)[0])
    assert newest.header.seq == 1800
    spool.close()


@pytest.mark.parametrize("thin", [False, True])
def test_what_is_worth_least_goes_first(path, thin):
    spool, _ = open_spool_file(path, 3 * MIB, DAY_S, thin=thin)
    runs = {Keep.HIGH: HIGH, Keep.NORMAL: RUN, Keep.LOW: LOW}
    spool.begin_runs(runs, 7, b"{}", NOW_NS)
    of = {run: keep for keep, run in runs.items()}
    first: dict[Keep, int] = {}
    for number in range(900):
        groups = [Group(keep, second(number)) for keep in runs]
        written = spool.write(Commit(groups, [], NOW_NS, ClockState.SYNCED))
        for key in written.gone:
            if key.run in of:
                first.setdefault(of[key.run], number)
    if not thin:
        assert list(first) == [Keep.LOW, Keep.NORMAL, Keep.HIGH]
        held = {run.run: run.open for run in spool.held()}
        assert held[LOW].first >= 898  # only what came since the last time that space was made
        assert list(held[HIGH]) == [(held[HIGH].first, 900)]
        assert {gap.run for gap in spool.dropped()} == {LOW, RUN, HIGH}
        assert all(len(Ranges([(gap.first_seq, gap.last_seq)])) == gap.samples // TAGS for gap in spool.dropped())
    else:
        assert first[Keep.LOW] < first[Keep.NORMAL] < first.get(Keep.HIGH, 901)
    spool.close()
