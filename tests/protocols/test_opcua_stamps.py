"""Stamps of subscribed values: whole columns against the same rule, one sample after the other."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.opcua.data_values import empty
from protocols.opcua.stamps import STALE, Stamps, doubt_timeless
from protocols.sample import GOOD, reason_of
from runtime.clock import NS_PER_S

NOW_NS = 1_760_000_000 * NS_PER_S
TICKS_1970 = 116_444_736_000_000_000


class Plain:
    """The rule as a person would write it down."""

    def __init__(self, asked: dict[int, int]) -> None:
        self.told: dict[int, int] = {}
        self.asked = dict(asked)

    def stamp(self, slot: int, ticks: int, now_ns: int) -> tuple[int, bool]:
        stamp_ns = (ticks - TICKS_1970) // 10 * 1000
        told, asked = self.told.get(slot, 0), self.asked.pop(slot, None)
        stale = False
        if asked is not None:
            if stamp_ns <= max(told, asked):
                stamp_ns, stale = max(asked, told + 1000), True
        elif told - NS_PER_S < stamp_ns <= told:
            stamp_ns = told + 1000
        self.told[slot] = stamp_ns
        return stamp_ns, stale


@given(st.integers(0, 1 << 30))
def test_stamps_of_many_are_those_of_one_after_the_other(seed: int) -> None:
    rng = random.Random(seed)
    stamps, plain = Stamps(5, "source"), Plain(dict.fromkeys((0, 1, 2), NOW_NS))
    stamps.asked(np.array([0, 1, 2]), NOW_NS)
    for _ in range(4):
        slots = np.array([rng.randrange(5) for _ in range(rng.randrange(12))], np.int64)
        values = empty(len(slots))
        values.source[:] = [TICKS_1970 + NOW_NS // 100 + rng.randrange(-25_000_000, 25_000_000) for _ in slots]
        code = np.zeros(len(slots), np.uint16)
        got = stamps.of(slots, values, code, NOW_NS)
        wanted = [plain.stamp(int(s), int(t), NOW_NS) for s, t in zip(slots, values.source, strict=True)]
        assert list(zip(got.tolist(), (code == STALE).tolist(), strict=True)) == wanted


@pytest.mark.parametrize(
    ("choice", "source", "server", "expected"),
    [
        ("source", 5, 7, 5),
        ("source", None, 7, 7),
        ("server", 5, 7, 7),
        ("server", 5, None, 5),
        ("gateway", 5, 7, 0),
        ("source", None, None, 0),
    ],
)
def test_whose_clock_counts(choice: Any, source: int | None, server: int | None, expected: int) -> None:
    values = empty(1)
    for name, seconds in (("source", source), ("server", server)):
        if seconds is not None:
            getattr(values, name)[0] = TICKS_1970 + (NOW_NS + seconds * NS_PER_S) // 100
    code = np.zeros(1, np.uint16)
    assert Stamps(1, choice).of(np.array([0]), values, code, NOW_NS).tolist() == [NOW_NS + expected * NS_PER_S]
    assert code.tolist() == [GOOD]


@pytest.mark.parametrize("ticks", [1, TICKS_1970 + 5, 157_142_592_000_000_000, (1 << 63) - 1])
def test_years_that_cannot_be(ticks: int) -> None:
    """1601, 1970, 2099 and the end of time: ours counts, and says so."""
    values, code = empty(1), np.zeros(1, np.uint16)
    values.source[0] = ticks
    assert Stamps(1, "source").of(np.array([0]), values, code, NOW_NS).tolist() == [NOW_NS]
    assert reason_of(int(code[0])) == "clock_unsynced"


@pytest.mark.parametrize(
    ("ticks", "doubted"),
    [
        (0, False),  # none was sent
        (TICKS_1970 + NOW_NS // 100, False),
        (TICKS_1970, False),  # a clock without battery
        (0x7FFF_FFFF_FFFF_FFFF, False),  # as late as can be, Part 6
        (0x0001_DD7A_2612_26E9, True),  # one byte is missing before it
        (-6484658471691999511, True),
        (1, True),
    ],
)
def test_a_time_that_no_calendar_has_makes_the_value_doubtful(ticks: int, doubted: bool) -> None:
    for times in ("source", "server"):
        values, code = empty(2), np.zeros(2, np.uint16)
        getattr(values, times)[1] = ticks
        doubt_timeless(values, code)
        assert [reason_of(each) for each in code.tolist()] == ["none", "clock_unsynced" if doubted else "none"]
