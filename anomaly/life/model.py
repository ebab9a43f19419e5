"""A trained model of remaining life, and what it says about a unit that runs.

rows of a unit ──features──► score ──┬─ outcomes ──► belief ──► rul, lower, upper
                                     ├─ familiar ──► unfamiliar: the interval widens to what the fleet allows
                                     └─ near the top: no sign of wear yet, the upper end is the fleet's
no column told anything in training ──► the fleet's lives and the unit's age alone
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly.life import WrongColumns
from anomaly.life.belief import LEVEL, Belief, Outcomes
from anomaly.life.familiar import Familiar
from anomaly.life.features import Features
from anomaly.life.fleet import Fleet
from anomaly.life.histories import History

Floats = NDArray[np.float64]
_LONGEST = 1 - (1 - LEVEL) / 4  # the other quarter of the chance to miss


class Scorer(Protocol):
    """What a fold's model does: features [n, f] to a rest of life [n], rough and uncapped."""

    def of(self, features: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left for a unit at its last row, in the unit of its time; NaN where nothing can be said."""

    unit: str
    rul: float
    lower: float
    upper: float
    unfamiliar: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What the columns taught: one scorer a fold, their average is the score; `fresh` [f] is how new units look."""

    scorers: tuple[Scorer, ...]
    outcomes: Outcomes
    familiar: Familiar
    fresh: Floats

    def score(self, features: Floats) -> Floats:
        """The score [n] of features [n, f]."""
        return np.asarray(np.mean([scorer.of(features) for scorer in self.scorers], axis=0))


@dataclass(frozen=True, slots=True)
class LifeModel:
    """`learned` is None where no column told more than age does; `cap` is the longest rest that is told apart."""

    kind: str
    features: Features
    cap: float
    fleet: Fleet
    learned: Learned | None
    card: dict[str, Any]

    def carded(self, facts: dict[str, Any]) -> "LifeModel":
        """The same model with more on its card."""
        return replace(self, card={**self.card, **facts})

    def fitting(self, names: Sequence[str], history: History) -> History:
        """The history with just the model's columns, in its order. Raises WrongColumns."""
        missing = [column for column in self.features.columns if column not in names]
        if missing:
            raise WrongColumns(
                f"columns that the model was trained on are missing: {', '.join(missing)};"
                " name them as in training, or train a model without them"
            )
        at = [list(names).index(column) for column in self.features.columns]
        return History(history.unit, history.time, history.value[:, at])

    def forecast(self, history: History) -> Forecast:
        """What is left after the last row of a `fitting` history."""
        features = self.features.of(history)[-1:]
        age = float(self.features.age(history)[-1])
        if len(history) < 2 or np.isfinite(features).mean() < 0.5:
            return _nothing(history.unit, "too little was measured: at least two rows with half of the columns")
        if self.learned is None:
            return self._by_age(history.unit, age, "no column told wear in training: age and the fleet's lives alone")
        return self._by_score(history, features, age, self.learned)

    def _by_score(self, history: History, features: Floats, age: float, learned: Learned) -> Forecast:
        score = learned.score(features)
        belief = learned.outcomes.at(float(score[0]))
        bounds = learned.outcomes.bounds(belief)
        rul, lower, upper = belief.middle(self.features.step), bounds.lower, bounds.upper
        reason = f"wear as in {learned.outcomes.units} units before"
        if bounds.open_above:
            upper = max(self.fleet.rest(age).quantile(_LONGEST), self.cap)
            reason = f"no clear trend yet: {_number(lower)} or more; beyond {_number(self.cap)} only age tells"
        place = self.features.place(features)
        strange = learned.familiar.strangeness(score, place)[0] > self.features.thinness(history)
        if strange:
            columns = learned.familiar.strangest(self.features.columns, score, place)
            lower = 0.0
            upper = max(upper, self.cap, self.fleet.rest(age).quantile(_LONGEST))
            reason = f"unfamiliar: {', '.join(columns)} moved as in no unit before; the interval is the fleet's"
        return Forecast(history.unit, rul, min(lower, rul), max(upper, rul), bool(strange), reason)

    def _by_age(self, unit: str, age: float, reason: str) -> Forecast:
        asked, any_time = self.fleet.rest_when_asked(age), self.fleet.rest(age)
        tail = (1 - LEVEL) / 2
        lower = min(asked.quantile(tail), any_time.quantile(tail))
        upper = max(asked.quantile(1 - tail), any_time.quantile(1 - tail))
        return Forecast(unit, asked.middle(self.features.step), lower, upper, unfamiliar=False, reason=reason)


def capped(belief: Belief, cap: float) -> Belief:
    """The belief with everything beyond the cap at the cap."""
    return Belief(np.minimum(belief.rest, cap), belief.weight)


def _nothing(unit: str, reason: str) -> Forecast:
    return Forecast(unit, np.nan, np.nan, np.nan, unfamiliar=False, reason=reason)


def _number(value: float) -> str:
    return f"{value:.3g}"
