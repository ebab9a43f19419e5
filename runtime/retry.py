"""Waiting times between attempts: exponential with full jitter, so that a fleet does not return in step."""

import random
from collections.abc import Iterator


def backoff_s(first_s: float = 0.2, most_s: float = 30.0) -> Iterator[float]:
    """Yield waiting times without end: uniform in (0, ceiling], the ceiling doubling from `first_s` to `most_s`.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog (2015), variant "full jitter"; the lower
    bound of a tenth keeps one unlucky draw from becoming a busy loop.
    """
    ceiling_s = first_s
    while True:
        yield random.uniform(ceiling_s / 10, ceiling_s)
        ceiling_s = min(ceiling_s * 2, most_s)
