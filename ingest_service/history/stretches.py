"""Where nothing usable was measured: from quality codes at times, and from steps that count bad samples. Pure.

codes ──► intervals with their reasons
steps ──► spans that hold every bad sample ──► few samples in them: read those, and know when and why
                                           └─► many: the steps themselves, wholly or partly bad
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.history.records import UNTOLD, BadInterval
from protocols.sample import Quality, reason_of


class Span(NamedTuple):
    """Steps side by side that hold bad samples, and the one after them, in which good ones are back."""

    from_ms: float
    to_ms: float
    samples: int


def bad_intervals(codes: Sequence[tuple[float, int]], end_ms: float) -> tuple[BadInterval, ...]:
    """Each other code ends what was bad before it, and begins another stretch unless good values return with it."""
    edges = [next(same) for _, same in groupby(codes, key=lambda at: at[1])]
    return tuple(
        BadInterval(at_ms, min(to_ms, end_ms), reason_of(code))
        for (at_ms, code), (to_ms, _) in pairwise([*edges, (end_ms, 0)])
        if code >> 8 >= Quality.BAD and at_ms < end_ms
    )


def bad_spans(
    starts_ms: NDArray[np.float64], n: NDArray[np.float64], bad: NDArray[np.float64], step_ms: float
) -> list[Span]:
    """The spans of a series that has samples in the steps at `starts_ms`: n with a value and `bad` without."""
    edges = np.flatnonzero(np.diff(bad > 0, prepend=False, append=False))
    spans = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        last = min(end, len(bad) - 1)
        samples = int((n + bad)[first : last + 1].sum())
        spans.append(Span(float(starts_ms[first]), float(starts_ms[last]) + step_ms, samples))
    return spans


def bad_steps(starts_ms: Iterable[float], step_ms: float) -> tuple[BadInterval, ...]:
    """Wholly bad steps; those side by side are one interval."""
    joined: list[BadInterval] = []
    for at_ms in starts_ms:
        if joined and joined[-1].to_ms == at_ms:
            joined[-1] = joined[-1]._replace(to_ms=at_ms + step_ms)
        else:
            joined.append(BadInterval(at_ms, at_ms + step_ms, UNTOLD))
    return tuple(joined)
