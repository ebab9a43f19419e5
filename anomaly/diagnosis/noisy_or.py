"""Which row of the table explains the signs: noisy-OR with leak, one cause at a time, and "something else". Pure.

signs seen (strength 0..1), signs looked for and absent (0) ──► probability of each failure mode, and of none of them

A failure mode shows a sign with its weight w; whatever else goes on shows it with leak l; so the sign is there with
1 - (1 - l)(1 - w), and a sign that nobody looked at says nothing. Several causes at once combine as a product of
(1 - w): here one cause and the leak. Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, 4.3.2; leak: Henrion,
Some practical issues in constructing belief networks, UAI 1987; diagnosis with it: Shwe et al., QMR-DT, 1991.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anomaly.diagnosis.failure_modes import FailureMode

SIGN_LEAK = 0.05
"""How often a measured sign is there without any listed cause."""
OTHER_WEIGHT = 0.25
"""How often a cause that is not in the table shows any one sign: a row must explain more than that to win."""
OTHER_PRIOR = 0.1


@dataclass(frozen=True, slots=True)
class Explained:
    """Probability of each row, in the order of `modes`, and of a cause that is not in the table. They add up to 1."""

    modes: tuple[FailureMode, ...]
    probability: tuple[float, ...]
    other: float

    def best(self, most: int) -> list[tuple[FailureMode, float]]:
        pairs = zip(self.modes, self.probability, strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))[:most]


def explain(modes: Sequence[FailureMode], seen: Mapping[str, float], leaks: Mapping[str, float]) -> Explained:
    """Weigh the rows by what was seen.

    seen: strength of each sign that was looked at, 0 absent to 1 surely there. leaks: of signs that differ from 0.05.
    """
    share = sum(mode.prior for mode in modes)
    logs = [math.log(mode.prior / share * (1 - OTHER_PRIOR)) + _log(mode.signs, 0.0, seen, leaks) for mode in modes]
    logs.append(math.log(OTHER_PRIOR) + _log({}, OTHER_WEIGHT, seen, leaks))
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    total = sum(weights)
    return Explained(tuple(modes), tuple(weight / total for weight in weights[:-1]), weights[-1] / total)


def _log(signs: Mapping[str, float], otherwise: float, seen: Mapping[str, float], leaks: Mapping[str, float]) -> float:
    total = 0.0
    for sign, strength in seen.items():
        absent = (1 - leaks.get(sign, SIGN_LEAK)) * (1 - signs.get(sign, otherwise))
        total += math.log(strength * (1 - absent) + (1 - strength) * absent)
    return total
