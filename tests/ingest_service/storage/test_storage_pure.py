"""Packs give back every bit of every sample, in order; their rollups are those of the samples."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.storage.encoding import (
    TimeForm,
    ValueForm,
    decode_times,
    decode_values,
    encode_times,
    encode_values,
)
from ingest_service.storage.packs import HOUR_US, MINUTE_US, SAMPLES_MOST, pack, roll_up
from ingest_service.storage.parts import Parts
from ingest_service.storage.plan import Arrival, closes_at, divide
from ingest_service.storage.samples import in_order
from ingest_service.storage.settings import SliceSettings
from tests.ingest_service.storage.stored import BEGIN_US, joined, samples

decimals = st.builds(lambda whole, digits: whole / 10**digits, st.integers(-50_000, 50_000), st.integers(0, 6))
values = st.one_of(
    st.lists(decimals | st.none(), min_size=1, max_size=60),
    st.lists(st.sampled_from([0.0, -0.0, 0.1 + 0.2, 7e300, math.inf, math.nan]) | st.none(), min_size=1, max_size=60),
    st.lists(st.floats(width=32) | st.none(), min_size=1, max_size=60),
    st.lists(st.floats() | st.none(), min_size=1, max_size=60),
)
steps = st.sampled_from([0, 1, 1000, 999_999, 1_000_000, 60_000_000, 3_599_999_999])
rests = st.sampled_from([0, 1, 37, 30_000, 40_000, 10**9])


def unpacked(packs):
    """What SQL makes of packs."""
    parts = packs.parts
    return packs.samples._replace(
        series=parts.spread(packs.samples.series[parts.starts]),
        time_us=decode_times(packs.samples.time_us[parts.starts], packs.times, parts),
        value=decode_values(packs.values, parts),
    )


def same(one, other) -> bool:
    """Bit by bit; a value that is not there has none."""
    bits = [np.where(s.present, s.value.view(np.int64), 0) for s in (one, other)]
    rest = [(s.series, s.time_us, s.present, s.quality) for s in (one, other)]
    return np.array_equal(*bits) and all(np.array_equal(a, b) for a, b in zip(*rest, strict=True))


@st.composite
def batches(draw):
    parts = []
    for series in range(draw(st.integers(1, 3))):
        value = draw(values)
        gaps = draw(st.lists(st.tuples(steps, rests), min_size=len(value), max_size=len(value)))
        time_us = BEGIN_US + draw(st.integers(0, HOUR_US)) + np.cumsum([step + rest for step, rest in gaps])
        parts.append(samples([series + 1] * len(value), time_us, value))
    return joined(parts)


@settings(max_examples=150, deadline=None)
@given(batches(), st.randoms(use_true_random=False))
def test_packs_give_back_every_sample(batch, random):
    shuffled = list(range(len(batch.series)))
    random.shuffle(shuffled)
    ordered = in_order(batch.at(np.array(shuffled)))
    packs = pack(ordered)
    assert same(unpacked(packs), ordered)
    decoded = decode_values(packs.values, packs.parts)
    for i, (start, length) in enumerate(zip(packs.parts.starts.tolist(), packs.parts.lengths.tolist(), strict=True)):
        one = slice(start, start + length)
        present = ordered.present[one]
        assert len(set(ordered.series[one].tolist())) == 1
        assert ordered.time_us[start] // HOUR_US == ordered.time_us[start + length - 1] // HOUR_US
        assert (packs.rollups.n[i], packs.rollups.bad[i]) == (present.sum(), (~present).sum())
        known = decoded[one][present]
        if len(known) and np.isfinite(known).all():
            told = (packs.rollups.low[i], packs.rollups.high[i], packs.rollups.last[i])
            assert told == (known.min(), known.max(), known[-1])


FORMS = {
    "two digits": (np.round(np.random.default_rng(1).normal(23, 2, 3600), 2), ValueForm.DECIMALS),
    "a counter": (np.arange(3600) + 5_000_000.0, ValueForm.DECIMALS),
    "a counter that runs too far": (np.arange(3600) * 100.0, ValueForm.SINGLE),
    "steps of a converter": (
        (np.random.default_rng(2).integers(0, 200, 3600) * np.float32(0.0244140625) + np.float32(0.1)) / 3,
        ValueForm.LEVELS,
    ),
    "a REAL": (np.random.default_rng(3).normal(0, 1, 3600).astype(np.float32), ValueForm.SINGLE),
    "noise": (np.random.default_rng(4).normal(0, 1, 3600), ValueForm.WHOLE),
    "one odd number": (np.full(3600, 0.1 + 0.2), ValueForm.LEVELS),
    "minus zero": (np.full(3600, -0.0), ValueForm.LEVELS),
    "a digit too many for the one before": (np.append(np.full(3599, 0.5), 0.25), ValueForm.DECIMALS),
    "not a number": (np.full(3600, np.nan), ValueForm.LEVELS),
    "huge": (np.full(3600, 1e308) * np.linspace(0.5, 1, 3600), ValueForm.WHOLE),
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
def test_the_shortest_form_is_found(alone):
    names = list(FORMS)
    groups = [[name] for name in names] if alone else [names, names[::-1]]
    for group in groups:
        value = np.concatenate([FORMS[name][0] for name in group]).astype(np.float64)
        parts = Parts.of_lengths(np.full(len(group), 3600))
        found = encode_values(value, np.ones(len(value), bool), parts)
        assert dict(zip(group, found.form.tolist(), strict=True)) == {name: FORMS[name][1] for name in group}
        assert np.array_equal(decode_values(found, parts).view(np.int64), value.view(np.int64))


def test_an_even_clock_costs_nothing_and_a_polling_one_two_bytes():
    even = np.arange(3600) * 1_000_000
    polled = even + np.random.default_rng(1).integers(0, 20_000, 3600)
    clocks = [even, polled, np.append(even[:100], even[200]), np.append(np.arange(1000), HOUR_US - 1), even[:1]]
    parts = Parts.of_lengths(np.array([len(one) for one in clocks]))
    times = encode_times(np.concatenate(clocks), parts)
    assert times.form.tolist() == [TimeForm.EVEN, TimeForm.NARROW, TimeForm.WIDE, TimeForm.UNEVEN, TimeForm.EVEN]
    assert np.array_equal(decode_times(np.array([one[0] for one in clocks]), times, parts), np.concatenate(clocks))


def test_a_burst_and_a_straggler_are_two_packs():
    times = np.append(np.arange(1000), HOUR_US - 1)
    batch = samples([1] * 1001, BEGIN_US + times, np.arange(1001) % 7)
    assert pack(batch).parts.lengths.tolist() == [1000, 1]
    assert same(unpacked(pack(batch)), batch)


def test_a_pack_holds_only_so_much():
    batch = samples([1] * 20_000, BEGIN_US + np.arange(20_000) * 1000, np.arange(20_000) % 100)
    assert pack(batch).parts.lengths.tolist() == [SAMPLES_MOST, SAMPLES_MOST, 20_000 - 2 * SAMPLES_MOST]


def test_nothing_is_no_pack():
    assert len(pack(samples([], [], []))) == 0


def test_minutes_are_those_of_the_samples():
    random = np.random.default_rng(1)
    value = [None if random.random() < 0.1 else v for v in random.normal(5, 1, 3000)]
    value[600:650] = [None] * 50  # a minute of which nothing is known
    batch = samples([1] * 3000, BEGIN_US + np.arange(3000) * 1_200_000, value)
    minutes = pack(batch).minutes[0]
    assert minutes.minute.tolist() == list(range(60))
    for i, minute in enumerate(minutes.minute):
        part = batch.at(batch.time_us // MINUTE_US - BEGIN_US // MINUTE_US == minute)
        known = part.value[part.present]
        told = type(minutes.rollups)(*(column[i] for column in minutes.rollups))
        assert (told.n, told.bad) == (len(known), 50 - len(known))
        if len(known):
            assert (told.low, told.high, told.last) == (known.min(), known.max(), known[-1])
            assert told.total == pytest.approx(known.sum())
            assert told.last_us == part.time_us[part.present][-1] - BEGIN_US - minute * MINUTE_US


def test_a_thin_pack_has_no_minutes():
    batch = samples([1] * 600, BEGIN_US + np.arange(600) * 6_000_000, np.arange(600))
    assert not pack(batch).minutes


def test_rollups_of_parts_without_any_value():
    batch = samples([1, 1, 1], BEGIN_US + np.arange(3), [None, None, 4.0])
    rollups = roll_up(batch, Parts.cut(np.array([0, 2]), 3))
    assert (rollups.n.tolist(), rollups.bad.tolist(), rollups.total.tolist()) == ([0, 1], [2, 0], [0.0, 4.0])


@pytest.mark.parametrize(
    ("now_min", "hot_rows", "series", "closes"),
    [
        (100, 10**9, 1, False),
        (101, 10, 1, False),
        (101, 600_000, 1, True),
        (101, 600_000, 10**6, False),
        (110, 0, 1, True),
    ],
    ids=["not a full minute", "little", "much", "little for so many series", "old"],
)
def test_a_slice_is_closed_by_rows_or_age(now_min, hot_rows, series, closes):
    state = Arrival(
        closed_until=100, packed_until=100, now_min=now_min, open_bytes=60 * hot_rows + 999, hot_bytes=0, held_bytes=0
    )
    assert (closes_at(state, 999, series, SliceSettings()) == now_min) is closes


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50))
def test_a_slice_is_cut_into_pieces_that_fit(rows):
    series = np.arange(10, 10 + 3 * len(rows), 3)
    pieces = divide(series, np.array(rows), most=400)
    held = [sum(n for one, n in zip(series, rows, strict=True) if low <= one <= high) for low, high in pieces]
    assert sum(held) == sum(rows)
    assert max(held) <= 400
    assert [one + after > 400 for one, after in pairwise(held)] == [True] * (len(held) - 1)


def test_a_series_with_more_stands_alone():
    assert divide(np.array([1, 2, 3]), np.array([5, 900, 5]), most=100) == [(1, 1), (2, 2), (3, 3)]
