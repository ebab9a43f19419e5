"""Training: candidates are compared on units that they have not seen, and the simplest that is as good is taken.

histories ──features──► moments ──┬─ every candidate, folds by unit ──► held-out scores ──► error a unit
                                  └─ the fleet's lives alone        ──────────────────────► error a unit
columns must beat the fleet by a tenth, else they do not count ──► LifeModel + card
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.life import BadHistory
from anomaly.life.belief import Outcomes, learn_outcomes
from anomaly.life.boosting import fit_trees
from anomaly.life.familiar import learn_familiar, learn_path
from anomaly.life.features import Features, learn_features
from anomaly.life.fleet import Fleet, learn_fleet
from anomaly.life.histories import History
from anomaly.life.linear import fit_line
from anomaly.life.model import Learned, LifeModel, Scorer, capped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Fit = Callable[[Floats, Floats], Scorer]
UNITS_LEAST = 3
UNITS_FOR_TREES = 10
FOLDS = 5
CAP_OF_LIFE = 0.625
"""The longest rest told apart, as a share of the mean life: wear shows late. On turbofans 125 to 130 of 206 cycles."""
ROWS_MOST = 20_000
_MOMENTS = 60
_FLOOR_OF_CAP = 0.05
_YOUNG = 0.2
_WORTH = 0.9  # columns count when they take a tenth and more off the error of age alone; noise adds to it
_CANDIDATES: dict[str, Fit] = {"line": fit_line, "trees": fit_trees}


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows of all units: features [m, f], what is left [m] uncapped, unit number [m], age [m], share of life [m]."""

    features: Floats
    left: Floats
    member: Ints
    age: Floats
    lived: Floats

    def of(self, rows: NDArray[Any]) -> "Moments":
        return Moments(self.features[rows], self.left[rows], self.member[rows], self.age[rows], self.lived[rows])


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's models, one a fold, its held-out outcomes, and its error for every unit [u]."""

    kind: str
    scorers: tuple[Scorer, ...]
    held_out: Floats
    outcomes: Outcomes
    error: Floats


def train(columns: Sequence[str], histories: Sequence[History]) -> LifeModel:
    """Learn from units that all ran to failure; the last row of each is its end.

    Raises:
        BadHistory: fewer than three units of two rows and more, or no column that varies.
    """
    usable = [history for history in histories if len(history) > 1]
    if len(usable) < UNITS_LEAST:
        raise BadHistory(f"{len(usable)} units that ran to failure: at least {UNITS_LEAST} are needed to learn from")
    features, kept = learn_features(columns, usable)
    if not kept:
        raise BadHistory("no column of numbers varies: there is nothing to learn wear from")
    chosen = [History(history.unit, history.time, history.value[:, kept]) for history in usable]
    cap = CAP_OF_LIFE * float(np.mean([history.life + features.step for history in chosen]))
    moments = _moments(features, chosen)
    judged = moments.of(_spread_rows(moments.member, _MOMENTS))
    fleet = learn_fleet([history.life + features.step for history in chosen])
    by_age = _age_error(fleet, judged, cap, features.step)
    trials = _trials(moments, judged, cap)
    best = min(trials, key=lambda trial: float(trial.error.mean()))
    tells = bool(best.error.mean() <= _WORTH * by_age.mean())
    learned = _learned(features, judged, best) if tells else None
    errors = {"age": by_age, **{trial.kind: trial.error for trial in trials}}
    card = {
        "units": len(chosen), "rows": int(sum(map(len, chosen))), "columns": list(features.columns),
        "left_out": [column for at, column in enumerate(columns) if at not in kept],
        "window": features.window, "step": features.step, "cap": cap,
        "held_out_log_error": {kind: round(float(error.mean()), 4) for kind, error in errors.items()},
    }  # fmt: skip
    return LifeModel(best.kind if tells else "age", features, cap, fleet, learned, card)


def _moments(features: Features, histories: Sequence[History]) -> Moments:
    parts = [(features.of(history), history.time[-1] - history.time, features.age(history)) for history in histories]
    sizes = [len(left) for _, left, _ in parts]
    moments = Moments(
        np.vstack([part[0] for part in parts]), np.concatenate([part[1] for part in parts]),
        np.repeat(np.arange(len(parts)), sizes), np.concatenate([part[2] for part in parts]),
        np.concatenate([age / age[-1] for _, _, age in parts]),
    )  # fmt: skip
    return moments.of(_spread_rows(moments.member, max(ROWS_MOST // len(parts), _MOMENTS)))


def _spread_rows(member: Ints, most: int) -> Ints:
    """At most so many rows of every unit, evenly from first to last."""
    rows = []
    for unit in np.unique(member):
        own = np.flatnonzero(member == unit)
        rows.append(own[np.unique(np.linspace(0, len(own) - 1, most).round().astype(int))])
    return np.concatenate(rows)


def _folds(moments: Moments) -> Ints:
    """The fold of every unit [u]: one each below ten units, else five, short and long lives spread evenly."""
    lives = np.array([moments.age[moments.member == unit].max() for unit in np.unique(moments.member)])
    if len(lives) < UNITS_FOR_TREES:
        return np.arange(len(lives))
    fold = np.empty(len(lives), int)
    fold[np.argsort(lives, kind="stable")] = np.arange(len(lives)) % FOLDS
    return fold


def _trials(moments: Moments, judged: Moments, cap: float) -> list[Trial]:
    fold = _folds(moments)
    kinds = ["line"] if len(fold) < UNITS_FOR_TREES else list(_CANDIDATES)
    return [_trial(kind, fold, moments, judged, cap) for kind in kinds]


def _trial(kind: str, fold: Ints, moments: Moments, judged: Moments, cap: float) -> Trial:
    scorers: list[Scorer] = []
    held_out = np.empty(len(judged.left))
    left = np.minimum(moments.left, cap)
    for number in range(int(fold.max()) + 1):
        seen = fold[moments.member] != number
        scorer = _CANDIDATES[kind](moments.features[seen], left[seen])
        unseen = fold[judged.member] == number
        held_out[unseen] = scorer.of(judged.features[unseen])
        scorers.append(scorer)
    truth = np.minimum(judged.left, cap)
    outcomes = learn_outcomes(held_out, truth, cap, len(fold))
    return Trial(kind, tuple(scorers), held_out, outcomes, _error(outcomes.expected(held_out), judged, cap))


def _error(told: Floats, judged: Moments, cap: float) -> Floats:
    """By how much what was told is off, as a logarithm, in the second half of each unit's life [u]."""
    floor = _FLOOR_OF_CAP * cap
    off = np.abs(np.log((np.clip(told, 0, cap) + floor) / (np.minimum(judged.left, cap) + floor)))
    late = judged.lived >= 0.5
    units = np.unique(judged.member)
    return np.array([off[late & (judged.member == unit)].mean() for unit in units])


def _age_error(fleet: Fleet, judged: Moments, cap: float, step: float) -> Floats:
    told = [capped(fleet.rest_when_asked(age), cap).middle(step) for age in judged.age]
    return _error(np.array(told), judged, cap)


def _learned(features: Features, judged: Moments, best: Trial) -> Learned:
    place = features.place(judged.features)
    distance = np.empty(len(place))
    for unit in np.unique(judged.member):
        own = judged.member == unit
        distance[own] = learn_path(best.held_out[~own], place[~own]).distance(best.held_out[own], place[own])
    familiar = learn_familiar(best.held_out, place, distance, best.outcomes.units)
    return Learned(best.scorers, best.outcomes, familiar, _mean_known(judged.features[judged.lived < _YOUNG]))


def _mean_known(features: Floats) -> Floats:
    """The mean of what is known of every feature [f]; NaN where nothing is."""
    known = np.isfinite(features)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, features, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
