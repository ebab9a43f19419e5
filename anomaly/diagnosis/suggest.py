"""What a fault report most likely means, learned from closed orders. Pure.

text ──► similar orders ──votes──┐
     └─► classifier ──scores─────┴──pool──► probability of each label ──► three likeliest, with evidence
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis import BadHistory
from anomaly.diagnosis.answer import Answer, Candidate, Source, ranked
from anomaly.diagnosis.orders import Order
from anomaly.diagnosis.pooling import Pool, fit
from anomaly.diagnosis.similar_orders import nearest, votes
from anomaly.diagnosis.text_classifier import ORDERS_MOST, TextClassifier, learn
from anomaly.diagnosis.text_vectors import TextVectors
from anomaly.diagnosis.words import Terms, folded

STRANGE_SHARE = 0.005
"""A text is called unknown when it is less like any order than 995 of 1,000 known orders are like the others …"""

STRANGE_MOST = 0.25
"""… and no order is as alike as this, however much the orders repeat each other: no symptom, few words shared."""

DOUBT_SHARE = 0.01
"""It is also unknown when no label is as likely as it was for 99 of 100 right answers about left-out orders."""

RIGHT_LEAST = 5
DOUBT = 0.5
"""What a label must reach where fewer left-out orders than that were answered rightly."""

EVIDENCE_LEAST = 0.15
"""An order less alike than this is no evidence."""

EVIDENCE_MOST = 3
AT_ONCE = 500

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suggester:
    """What was learned from closed orders: ready to be asked."""

    orders: tuple[Order, ...]
    label: NDArray[np.int64]
    vectors: TextVectors
    classifier: TextClassifier
    pool: Pool
    strange: float
    doubt: float
    terms: Terms

    @classmethod
    def learn(cls, orders: Sequence[Order], terms: Terms) -> "Suggester":
        """Learn from closed orders, oldest first; equal texts with equal labels count as one that was seen often.

        Raises:
            BadHistory: fewer than two different orders.
        """
        newest, seen = _different(orders)
        if len(newest) < 2:
            raise BadHistory("one order teaches nothing; export at least some tens of closed orders with their labels")
        texts, labels = [order.text for order in newest], [order.label for order in newest]
        vectors = TextVectors.learn(texts, terms)
        matrix = vectors.of(texts)
        classifier = learn(matrix, labels, seen)
        label = np.searchsorted(np.array(classifier.labels), np.array(labels)).astype(np.int64)
        similarity = (matrix @ matrix.T).toarray()
        np.fill_diagonal(similarity, -1)
        said = votes(similarity, label, len(classifier.labels))
        pool = fit(classifier.left_out, said, label)
        strange = float(np.clip(np.quantile(similarity.max(axis=1), STRANGE_SHARE), 1e-3, STRANGE_MOST))
        doubt = _doubt(pool.probabilities(classifier.left_out, said), label)
        return cls(tuple(newest), label, vectors, classifier, pool, strange, doubt, terms)

    def ask(self, texts: Sequence[str]) -> list[Answer]:
        """An answer for each text."""
        return [answer for at in range(0, len(texts), AT_ONCE) for answer in self._answers(texts[at : at + AT_ONCE])]

    def _answers(self, texts: Sequence[str]) -> list[Answer]:
        matrix = self.vectors.of(texts)
        similarity = (matrix @ self.classifier.vectors.T).toarray()
        said = votes(similarity, self.label, len(self.classifier.labels))
        probability = self.pool.probabilities(self.classifier.scores(matrix), said)
        return [self._answer(text, *row) for text, *row in zip(texts, probability, similarity, strict=True)]

    def _answer(self, text: str, probability: Float64s, similarity: Float64s) -> Answer:
        best = float(similarity.max())
        unlike, doubtful = 1 - best / (2 * self.strange), 1 - float(probability.max()) / (2 * self.doubt)
        unknown = float(np.clip(max(unlike, doubtful), 0, 1))
        facts = {"similarity": round(best, 3), "likeliest": round(float(probability.max()), 3)}
        why = Source("note", {"note": "how alike the most similar order is, how likely the likeliest label", **facts})
        scores = dict(zip(self.classifier.labels, map(float, probability), strict=True))
        told = [Source("words", {"symptom": told.symptom, "words": told.words}) for told in self.terms.told(text)]
        return Answer(tuple(self._proven(candidate, similarity, told) for candidate in ranked(scores, unknown, [why])))

    def _proven(self, candidate: Candidate, similarity: Float64s, told: Sequence[Source]) -> Candidate:
        """The candidate with the orders that speak for it and the symptoms that its orders also tell of."""
        if candidate.label not in self.classifier.labels:
            return candidate
        own = np.flatnonzero(self.label == self.classifier.labels.index(candidate.label))
        alike = own[nearest(similarity[None, own], EVIDENCE_MOST)[0]]
        orders = [self._order(at, float(similarity[at])) for at in alike if similarity[at] >= EVIDENCE_LEAST]
        shared = {told.symptom for at in alike for told in self.terms.told(self.orders[at].text)}
        words = [source for source in told if source.facts["symptom"] in shared]
        return replace(candidate, sources=(*orders, *words))

    def _order(self, at: int, similarity: float) -> Source:
        order = self.orders[at]
        where = {"line": order.line, "time": order.time, "machine": order.machine}
        said = {name: value for name, value in where.items() if value}
        return Source("order", {**said, "text": order.text, "label": order.label, "similarity": round(similarity, 3)})


def _doubt(probability: Float64s, label: NDArray[np.int64]) -> float:
    """The likelihood of the likeliest label below which right answers are rare; from left-out orders [n, labels]."""
    right = probability.argmax(axis=1) == label
    if right.sum() < RIGHT_LEAST:
        return DOUBT
    return float(np.quantile(probability.max(axis=1)[right], DOUBT_SHARE))


def _different(orders: Sequence[Order]) -> tuple[list[Order], list[int]]:
    """The newest of each text and label, oldest first, at most ORDERS_MOST, and how often each was there."""
    seen = Counter((folded(order.text), order.label) for order in orders)
    newest = {(folded(order.text), order.label): order for order in orders}
    kept = sorted(newest.items(), key=lambda item: item[1].line)[-ORDERS_MOST:]
    return [order for _, order in kept], [seen[key] for key, _ in kept]
