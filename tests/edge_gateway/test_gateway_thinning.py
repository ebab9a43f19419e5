"""Thinning takes every second good sample, and nothing that matters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.spool.thinning import thinned
from protocols.sample import GOOD, Column, Reason, ValueKind, bad

ALIASES = st.integers(0, 3)
CODES = st.sampled_from([GOOD] * 6 + [bad(Reason.TIMEOUT)])

STRETCH = st.lists(st.tuples(ALIASES, st.integers(-5, 5), CODES), min_size=1, max_size=40)


def column(kind: ValueKind, rows, first_ns: int = 0) -> Column:
    """Rows of (alias, value, code), one nanosecond apart."""
    alias, value, code = zip(*rows, strict=True)
    values = np.array(value, object if kind is ValueKind.TEXT else {ValueKind.BOOL: "u1"}.get(kind, "f8"))
    times = np.arange(first_ns, first_ns + len(rows), dtype=np.int64)
    return Column(kind, np.array(alias, np.uint32), times, values, np.array(code, np.uint16))


def rows_of(batches) -> list[tuple[int, int, object, int]]:
    """Alias, time, value and code of every sample, in the order in which they come."""
    return [
        row
        for columns in batches
        for found in columns
        for row in zip(
            found.alias.tolist(), found.time_ns.tolist(), found.value.tolist(), found.code.tolist(), strict=True
        )
    ]


def by_tag(rows):
    found: dict[int, list[tuple]] = {}
    for alias, *rest in rows:
        found.setdefault(alias, []).append(tuple(rest))
    return found


def thin(kind: ValueKind, stretches):
    batches, at = [], 0
    for rows in stretches:
        batches.append((column(kind, rows, at),))
        at += len(rows)
    after, lost = thinned(batches)
    return by_tag(rows_of(batches)), by_tag(rows_of(after)), lost, batches, after


@settings(max_examples=200, deadline=None)
@given(st.lists(STRETCH, min_size=1, max_size=5))
def test_every_sample_that_stays_was_read_and_what_matters_stays(stretches):
    before, after, lost, batches, _ = thin(ValueKind.FLOAT, stretches)
    assert sum(lost) == sum(map(len, before.values())) - sum(map(len, after.values()))
    assert all(0 <= gone < len(columns[0]) + 1 for gone, columns in zip(lost, batches, strict=True))
    for alias, samples in before.items():
        kept = after[alias]
        assert kept == [sample for sample in samples if sample in set(kept)]
        assert (kept[0], kept[-1]) == (samples[0], samples[-1])
        assert [s for s in kept if s[2] != GOOD] == [s for s in samples if s[2] != GOOD]
        good = [value for _, value, code in samples if code == GOOD]
        left = [value for _, value, code in kept if code == GOOD]
        assert (min(good, default=0), max(good, default=0)) == (min(left, default=0), max(left, default=0))
        for place, (_, _, code) in enumerate(samples):  # the neighbours of what is not good
            if code != GOOD:
                assert all(near in kept for near in samples[max(place - 1, 0) : place + 2])


def test_it_is_about_half_of_a_long_stretch():
    stretches = [[(alias, np.sin(second + alias), GOOD) for alias in range(20)] for second in range(60)]
    before, after, _, _, _ = thin(ValueKind.FLOAT, stretches)
    assert sum(map(len, before.values())) == 1200
    assert 600 <= sum(map(len, after.values())) < 680


def test_a_flat_line_is_halved_too():
    _, after, _, _, _ = thin(ValueKind.FLOAT, [[(1, 5.0, GOOD)]] * 101)
    assert len(after[1]) <= 53


def test_a_spike_stays_however_often_it_is_thinned():
    rows = [[(1, 1000.0 if second == 333 else float(second % 7), GOOD)] for second in range(600)]
    batches = [(column(ValueKind.FLOAT, row, second),) for second, row in enumerate(rows)]
    for _ in range(3):
        batches, _ = thinned(batches)
    left = by_tag(rows_of(batches))[1]
    assert len(left) < 100
    assert (333, 1000.0, GOOD) in left


def test_every_change_of_a_state_or_a_text_stays():
    for kind, values in ((ValueKind.BOOL, (0, 1)), (ValueKind.TEXT, ("run", "stop"))):
        states = [values[second // 17 % 2] for second in range(100)]
        before, after, _, _, _ = thin(kind, [[(1, state, GOOD)] for state in states])
        changes = [second for second in range(1, 100) if states[second] != states[second - 1]]
        assert {second for second, *_ in after[1]} >= set(changes)
        assert len(after[1]) < 60
        assert all(sample in before[1] for sample in after[1])


def test_many_samples_become_batches_of_usual_size_in_their_order():
    stretches = [[(alias, float(second), GOOD) for alias in range(500)] for second in range(40)]
    _, _, _, _, batches = thin(ValueKind.FLOAT, stretches)
    assert 3 < len(batches) < 8
    times = [time for columns in batches for time in columns[0].time_ns.tolist()]
    assert times == sorted(times)
