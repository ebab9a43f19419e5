"""How fine a period is looked at, and what is stored that coarsely already. Pure.

period / points ──► step (of those that people read off an axis) ──► rollup that fits into the step, or none
"""

from datetime import UTC, datetime

DAY_S = 86400
# Beyond, whole days.
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY_S)
ROLLUPS_S = (DAY_S, 3600, 60)


def step_s(since: datetime, until: datetime, points: int) -> int:
    """The finest readable step that cuts the period into at most `points` buckets."""
    span_s = (until - since).total_seconds()
    for step in STEPS_S:
        # A bucket begins at a multiple of its step, so a period may touch one more than its length holds.
        if span_s / step + 1 <= points:
            return step
    return max(1, -(-int(span_s) // (max(1, points - 1) * DAY_S))) * DAY_S


def rollup_s(step: int) -> int | None:
    """The coarsest rollup of which a step holds whole ones; None: only the samples are fine enough."""
    return next((rollup for rollup in ROLLUPS_S if step % rollup == 0), None)


def whole(since: datetime, until: datetime, step: int) -> tuple[datetime, datetime]:
    """The period widened at both ends to whole steps."""
    first, last = int(since.timestamp() // step), int(-(-until.timestamp() // step))
    return datetime.fromtimestamp(first * step, UTC), datetime.fromtimestamp(last * step, UTC)
