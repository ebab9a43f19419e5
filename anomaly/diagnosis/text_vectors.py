"""Texts as unit vectors whose product is how alike two texts are: character n-grams by TF-IDF, and symptoms. Pure.

    text ──n-grams──► sublinear TF-IDF ──┐
         ──symptoms told──► weighed ─────┴──► one sparse row of length 1

"squeeling" and "squealing" share n-grams; "squealing" and "异响" share none, but both tell of the symptom noise: the
symptoms let orders in different words, and in different languages, find each other. TF-IDF: Salton & Buckley 1988.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anomaly.diagnosis.words import Terms, folded, grams

SYMPTOM_WEIGHT = 0.6
"""Length of the symptom part beside the n-gram part of length 1: labels that name what a machine does gain from more,
labels that name its parts from less (FMC training folds and excavator orders of one machine left out: .3 to 1.2)."""

GRAMS_MOST = 200_000

Columns = dict[str, int]


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The columns that were learned: n-grams and symptoms, and how rare each is."""

    columns: Columns
    rarity: NDArray[np.float64]
    symptoms: Columns
    symptom_rarity: NDArray[np.float64]
    terms: Terms

    @classmethod
    def learn(cls, texts: Sequence[str], terms: Terms) -> "TextVectors":
        """Count in how many of the texts each n-gram and symptom stands."""
        counts = Counter(gram for text in texts for gram in set(grams(folded(text))))
        told = Counter(told.symptom for text in texts for told in terms.told(text))
        return cls(
            *_columns(counts.most_common(GRAMS_MOST), len(texts)), *_columns(told.most_common(), len(texts)), terms
        )

    def of(self, texts: Sequence[str]) -> sparse.csr_array:
        """One row a text [n, grams + symptoms], each of length 1, or 0 where nothing of the text is known."""
        words = _matrix([Counter(grams(folded(text))) for text in texts], self.columns, self.rarity)
        told = [Counter(told.symptom for told in self.terms.told(text)) for text in texts]
        symptoms = _matrix(told, self.symptoms, self.symptom_rarity)
        return _unit(sparse.hstack([words, SYMPTOM_WEIGHT * symptoms], format="csr"))


def _columns(counts: Sequence[tuple[str, int]], texts: int) -> tuple[Columns, NDArray[np.float64]]:
    rarity = [math.log((1 + texts) / (1 + count)) + 1 for _, count in counts]
    return {name: at for at, (name, _) in enumerate(counts)}, np.array(rarity, np.float64)


def _matrix(bags: Sequence[Counter[str]], columns: Columns, rarity: NDArray[np.float64]) -> sparse.csr_array:
    at: list[int] = []
    count: list[int] = []
    ends = [0]
    for bag in bags:
        for name, times in bag.items():
            column = columns.get(name)
            if column is not None:
                at.append(column)
                count.append(times)
        ends.append(len(at))
    indices = np.array(at, np.int32)
    data = (1 + np.log(np.array(count, np.float64))) * rarity[indices] if at else np.zeros(0)
    return _unit(sparse.csr_array((data, indices, ends), shape=(len(bags), len(columns))))


def _unit(matrix: sparse.csr_array) -> sparse.csr_array:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).reshape(-1))
    scale = 1 / np.where(length > 0, length, 1)
    matrix.data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
    return matrix
