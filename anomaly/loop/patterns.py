"""When is a case the same that a person has called false? Pure.

    pattern: tags and their shares of the score, as the case was when it had grown
    case ── no tag beyond the pattern's ── shares alike (cosine) ── not much stronger ──► the same, silent

A case grows while its tags join, so one that is on its way to the pattern counts as the same for a few minutes; if it
stays smaller than the pattern, it is something else. Shares are compared and not values: a pattern is a mixture of
tags that moves together, and how far it moves is the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np

COSINE_LEAST = 0.95  # about 18°: what resampling and noise do to the shares of one cause
SHARE_LEAST = 0.05  # a tag with less has not joined
STRONGER_MOST = 2.0
GROWS_FOR = timedelta(minutes=10)
LASTS = timedelta(days=30)

Contributions = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What was called false: the share of each tag in the score."""

    id: UUID
    mode: int | None
    shares: dict[str, float]
    score: float

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(self.shares)


def main_shares(contributions: Contributions) -> dict[str, float]:
    """The tags that really speak."""
    return {tag: share for tag, share in contributions if share >= SHARE_LEAST}


def is_same(pattern: Pattern, contributions: Contributions, score: float, *, mode: int | None, age: timedelta) -> bool:
    """Whether a case, `age` after it was raised, is this pattern."""
    seen = main_shares(contributions)
    tags = frozenset(seen)
    complete = tags == pattern.tags
    growing = age < GROWS_FOR and tags < pattern.tags
    if not tags or not (complete or growing) or score > STRONGER_MOST * pattern.score:
        return False
    if pattern.mode is not None and mode is not None and mode != pattern.mode:
        return False
    return cosine([seen[tag] for tag in sorted(tags)], [pattern.shares[tag] for tag in sorted(tags)]) >= COSINE_LEAST


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of the angle between two vectors; 0 when one of them is nothing."""
    a, b = np.asarray(one, float), np.asarray(other, float)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0
