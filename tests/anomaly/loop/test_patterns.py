"""What counts as the same false alarm: repeats fall silent, and nothing else does."""

from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from anomaly.loop import patterns
from anomaly.loop.patterns import GROWS_FOR, Pattern, is_same, main_shares

TAGS = tuple(f"tag-{n}" for n in range(12))
AT_ONCE, LATER = timedelta(0), GROWS_FOR
MIXED = Pattern(UUID(int=1), None, {"a": 0.6, "b": 0.4}, 1.5)


@pytest.mark.parametrize(
    ("contributions", "more", "same"),
    [
        ([("a", 0.6), ("b", 0.4)], {}, True),
        ([("b", 0.45), ("a", 0.55)], {}, True),
        ([("a", 0.59), ("b", 0.38), ("c", 0.03)], {}, True),  # c has not joined
        ([("a", 0.1), ("b", 0.9)], {}, False),  # another mixture
        ([("a", 0.5), ("b", 0.3), ("c", 0.2)], {}, False),  # a tag more
        ([("a", 1.0)], {}, True),  # on its way
        ([("a", 1.0)], {"age": LATER}, False),  # and it stayed there
        ([("b", 1.0)], {}, True),  # it may begin with any of them
        ([("c", 1.0)], {}, False),
        ([("a", 0.6), ("b", 0.4)], {"score": 3.1}, False),  # much stronger
        ([], {}, False),
    ],
)
def test_the_same_is_the_same_mixture_of_the_same_tags(contributions, more, same):
    assert is_same(MIXED, contributions, **({"score": 1.5, "mode": None, "age": AT_ONCE} | more)) is same


def test_a_pattern_of_one_mode_is_silent_in_that_mode():
    loaded = Pattern(UUID(int=1), 2, {"a": 1.0}, 1.5)
    told = {mode: is_same(loaded, [("a", 1.0)], 1.5, mode=mode, age=AT_ONCE) for mode in (1, 2, None)}
    assert told == {1: False, 2: True, None: True}


class Plant:
    """40 machines, each with one harmless pattern that comes again and again, and with faults of any other kind.

    The shares of one cause vary by a few percent from time to time, as resampling and noise make them.
    """

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self.harmless = [self._cause() for _ in range(40)]

    def _cause(self):
        tags = self._rng.choice(TAGS, self._rng.integers(1, 6), replace=False)
        return dict(zip(tags, self._rng.dirichlet(np.full(len(tags), 2.0)), strict=True))

    def _seen(self, cause):
        shares = {tag: share * self._rng.lognormal(0, 0.15) for tag, share in cause.items()}
        total = sum(shares.values())
        return [(tag, share / total) for tag, share in shares.items()], float(self._rng.lognormal(0.5, 0.2))

    def told(self, machine):
        """The pattern that a person's verdict on the first of them leaves."""
        contributions, score = self._seen(self.harmless[machine])
        shares = main_shares(contributions)
        return Pattern(UUID(int=machine), None, shares, score)

    def repeats(self, machine, n=25):
        return [self._seen(self.harmless[machine]) for _ in range(n)]

    def faults(self, n=25):
        return [self._seen(self._cause()) for _ in range(n)]


def silent(pattern, cases):
    return sum(is_same(pattern, shares, score, mode=None, age=LATER) for shares, score in cases) / len(cases)


def shares_silent(seed):
    """Of repeats and of other faults, how many are silent after one verdict a machine."""
    plant = Plant(seed)
    known = [plant.told(machine) for machine in range(40)]
    repeats = np.mean([silent(pattern, plant.repeats(machine)) for machine, pattern in enumerate(known)])
    others = np.mean([silent(pattern, plant.faults()) for pattern in known])
    return float(repeats), float(others)


@pytest.mark.parametrize("seed", range(3))
def test_repeats_fall_by_eighty_percent_and_other_faults_stay(seed):
    repeats, others = shares_silent(seed)
    assert repeats >= 0.80
    assert others <= 0.02


@pytest.mark.parametrize(
    ("change", "seen"),
    [({"COSINE_LEAST": 0.999}, "repeats come again"), ({"COSINE_LEAST": -1.0, "is_same": None}, "faults are lost")],
)
def test_the_measure_sees_a_rule_that_is_too_strict_or_too_lax(monkeypatch, change, seen):
    monkeypatch.setattr(patterns, "COSINE_LEAST", change["COSINE_LEAST"])
    if "is_same" in change:  # whatever shares a tag is taken for the same
        monkeypatch.setitem(
            globals(),
            "is_same",
            lambda pattern, shares, score, **_: bool(pattern.tags & {tag for tag, _ in shares}),
        )
    repeats, others = shares_silent(0)
    assert {"repeats come again": repeats < 0.80, "faults are lost": others > 0.02}[seen]
