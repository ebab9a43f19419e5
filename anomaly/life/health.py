"""How healthy a machine is, from 100 (as new) to 0 (at its end), and what takes from it, the worst first.

    signs (alarms, wear, vibration zone, age …), each with the harm it does ──► Health(index, reasons)
    LifeModel + rows of a unit ──► the sign of its wear, column by column

Signs add up as independent chances do (noisy-OR): index = 100 * product of (1 - harm). One sign of harm 0.6 and ten of
0.01 is a machine at 36, and the one sign is told first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.life.histories import History
from anomaly.life.model import LifeModel


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that speaks against a machine: harm 0 (none) to 1 (it is at its end), and why, in words."""

    harm: float
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """`index` 0 to 100; `reasons` with the harm of each, the worst first; empty where nothing speaks against it."""

    index: float
    reasons: tuple[Sign, ...]


def health(signs: Sequence[Sign]) -> Health:
    """The health of a machine with these signs."""
    counted = sorted((sign for sign in signs if sign.harm > 0), key=lambda sign: -sign.harm)
    left = float(np.prod([1 - min(sign.harm, 1.0) for sign in counted]))
    return Health(100.0 * left, tuple(counted))


def wear(model: LifeModel, history: History) -> Sign:
    """How much of the life that can be told apart is used up at the last row of a `fitting` history, by which columns.

    A column's part is what the score gains when the column alone is as in a new unit (ablation).
    """
    features = model.features.of(history)[-1:]
    if model.learned is None:
        age = float(model.features.age(history)[-1])
        return Sign(1 - float(model.fleet.survival(np.array([age]))[0]), "age: no column tells wear")
    learned = model.learned
    count = len(model.features.columns)
    trials = np.repeat(features, count + 1, axis=0)
    for at in range(count):
        own = np.arange(at, features.shape[1] - 1, count)
        trials[at, own] = learned.fresh[own]
    score = learned.score(trials)
    harm = 1 - float(learned.outcomes.expected(score[-1:])[0]) / model.cap
    gain = score[:-1] - score[-1]
    worst = [at for at in np.argsort(-gain)[:3] if gain[at] > 0.1 * max(float(gain.max()), 1e-9)]
    return Sign(harm, "wear seen in " + ", ".join(model.features.columns[at] for at in worst) if worst else "age")
