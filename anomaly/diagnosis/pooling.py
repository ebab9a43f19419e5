"""Make one probability of two opinions, weighed by how often each was right about orders that it had not seen. Pure.

classifier's scores ─┐
votes' logarithm ────┴─ a·scores + b·log(votes) ──softmax──► probability of each label

a and b minimise the logarithmic loss on left-out orders: logarithmic opinion pool (Genest & Zidek 1986), and
temperature scaling (Guo et al. 2017) at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Float64s = NDArray[np.float64]
START = (np.log(6.0), np.log(0.3))
"""With a prior as strong as ten orders, so that a handful of orders moves the weights only a little."""
PRIOR_ORDERS = 10.0


@dataclass(frozen=True, slots=True)
class Pool:
    """How much the classifier's scores and the logarithm of the votes count."""

    scores: float
    votes: float

    def probabilities(self, scores: Float64s, votes: Float64s) -> Float64s:
        """Both [texts, labels] → probability of each label [texts, labels]."""
        return np.asarray(special.softmax(self.scores * scores + self.votes * np.log(votes), axis=1))


def fit(scores: Float64s, votes: Float64s, label: NDArray[np.int64]) -> Pool:
    """Weigh both by what they said of n orders [n, labels] whose label [n] is known and was left out."""
    from scipy import optimize  # noqa: PLC0415  (half a second to import, needed only to learn)

    log_votes = np.log(votes)
    right = np.arange(len(label)), label

    def loss(weights: Float64s) -> float:
        logits = np.exp(weights[0]) * scores + np.exp(weights[1]) * log_votes
        told = logits[right] - special.logsumexp(logits, axis=1)
        return float(-told.sum() + PRIOR_ORDERS / 2 * np.sum((weights - START) ** 2))

    best = optimize.minimize(loss, np.array(START), method="L-BFGS-B", bounds=[(-3, 4), (-6, 2)])
    return Pool(float(np.exp(best.x[0])), float(np.exp(best.x[1])))
