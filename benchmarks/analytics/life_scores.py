"""How far forecasts of remaining life are off: scores of both PHM challenges, coverage, and simple baselines.

Saxena et al., PHM 2008 (turbofans); Nectoux et al., PHM 2012 (bearings).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from anomaly.life.histories import History
from anomaly.life.linear import Line, fit_line
from anomaly.life.model import Forecast, LifeModel

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Forecasts [n] beside what was really left: `rul`, `lower`, `upper`, `unfamiliar`, `left`."""

    rul: Floats
    lower: Floats
    upper: Floats
    unfamiliar: NDArray[np.bool_]
    left: Floats

    def covered(self, left: Floats) -> NDArray[np.bool_]:
        """Whether the interval holds the truth [n]."""
        return (self.lower <= left) & (left <= self.upper)


@dataclass(frozen=True, slots=True)
class Cut:
    """A unit up to some row, and what was really left."""

    seen: History
    left: float


def cuts(histories: Sequence[History], shares: Sequence[float]) -> list[Cut]:
    """Every unit cut after these shares of its rows."""
    return [
        Cut(history.until(rows), float(history.time[-1] - history.time[rows - 1]))
        for history in histories
        for rows in (max(round(share * len(history)), 2) for share in shares)
    ]


def random_cuts(histories: Sequence[History], each: int, seed: int, rows_least: int = 31) -> list[Cut]:
    """Every unit cut at some random rows."""
    rng = np.random.default_rng(seed)
    shares = [rng.integers(rows_least, len(history), each) / len(history) for history in histories]
    return [cut for history, own in zip(histories, shares, strict=True) for cut in cuts([history], own.tolist())]


def judge(model: LifeModel, columns: Sequence[str], asked: Sequence[Cut]) -> Judged:
    """What the model says at every cut."""
    told: list[Forecast] = [model.forecast(model.fitting(columns, cut.seen)) for cut in asked]
    return Judged(
        np.array([one.rul for one in told]), np.array([one.lower for one in told]),
        np.array([one.upper for one in told]), np.array([one.unfamiliar for one in told]),
        np.array([cut.left for cut in asked]),
    )  # fmt: skip


def joined(parts: Sequence[Judged]) -> Judged:
    """All parts as one."""
    return Judged(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Judged)))


def rmse(told: Floats, left: Floats) -> float:
    return float(np.sqrt(np.mean((told - left) ** 2)))


def phm_2008(told: Floats, left: Floats) -> float:
    """Sum over all units; late predictions cost more."""
    late = told - left
    return float(np.sum(np.exp(np.where(late < 0, -late / 13, late / 10)) - 1))


def phm_2012(told: Floats, left: Floats) -> float:
    """Mean credit from 0 to 1; half of it for 20 % early or 5 % late."""
    early = 100 * (left - told) / np.maximum(left, 1e-9)
    return float(np.mean(np.exp(np.log(0.5) * np.where(early < 0, -early / 5, early / 20))))


@dataclass(frozen=True, slots=True)
class LastRow:
    """Ridge regression on the last row: what one gets from a spreadsheet."""

    line: Line
    cap: float

    def told(self, asked: Sequence[Cut]) -> Floats:
        return np.clip(self.line.of(np.vstack([cut.seen.value[-1] for cut in asked])), 0.0, self.cap)


def last_row(trained: Sequence[History], cap: float) -> LastRow:
    left = np.concatenate([history.time[-1] - history.time for history in trained])
    return LastRow(fit_line(np.vstack([history.value for history in trained]), np.minimum(left, cap)), cap)


def constant(trained: Sequence[History], cap: float) -> float:
    """The mean rest, capped, over all rows of training."""
    left = np.concatenate([history.time[-1] - history.time for history in trained])
    return float(np.minimum(left, cap).mean())


def quarter_of_age(asked: Sequence[Cut]) -> Floats:
    return np.array([0.25 * (cut.seen.time[-1] - cut.seen.time[0]) for cut in asked])
