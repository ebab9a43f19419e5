"""Steps of a period as points, and what in them was bad.

A rollup counts bad samples and does not keep why or exactly when. Where few samples are concerned (an outage on a
chart of a day), they are read and tell both; where many are (a tag that fails every hour of a year), a step that
holds nothing else is a bad interval whose reason is untold, and one that holds good ones too is partly bad.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from database.pool import Connection
from ingest_service.history.question import Question, queries, rows_by_series
from ingest_service.history.records import PartlyBad, SeriesHistory
from ingest_service.history.stretches import Span, bad_intervals, bad_spans, bad_steps

# What one question may read beside the rollups, shared by its series: some 20 ms.
SAMPLES_MOST = 20_000
_SPANS_MOST = 40

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of one series that hold samples: n with a value, `bad` without."""

    step_ms: float
    time_ms: Column
    mean: Column
    low: Column
    high: Column
    n: Column
    bad: Column

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], step_s: int) -> Self:
        """Rows of (time, mean, low, high, n, bad)."""
        return cls(step_s * 1000.0, *np.array(rows, np.float64).reshape(-1, 6).T)

    def spans(self) -> list[Span]:
        return bad_spans(self.time_ms, self.n, self.bad, self.step_ms)

    def history(self) -> SeriesHistory:
        """What the steps alone tell."""
        good = self.n > 0
        partly, wholly = good & (self.bad > 0), ~good
        shares = zip(self.time_ms[partly].tolist(), (self.bad / (self.n + self.bad))[partly].tolist(), strict=True)
        return SeriesHistory(
            self.time_ms[good], self.mean[good], self.low[good], self.high[good],
            bad_steps(self.time_ms[wholly].tolist(), self.step_ms),
            tuple(PartlyBad(at_ms, at_ms + self.step_ms, share) for at_ms, share in shares),
        )  # fmt: skip


async def shown(connection: Connection, asked: Question, steps: Mapping[int, Steps]) -> dict[int, SeriesHistory]:
    """Each series, its bad stretches as exactly as can be afforded."""
    series = {key: one.history() for key, one in steps.items()}
    spans = _affordable({key: one.spans() for key, one in steps.items()})
    if spans:
        edges = await rows_by_series(connection, queries.bad_edges, _values(spans))
        for key in spans:
            series[key] = replace(series[key], bad=bad_intervals(edges[key], asked.end_ms), partly_bad=())
    return series


def _affordable(spans: dict[int, list[Span]]) -> dict[int, list[Span]]:
    """Those series whose spans are within their share of what may be read."""
    bad = {key: found for key, found in spans.items() if found}
    return {
        key: found
        for key, found in bad.items()
        if len(found) * len(bad) <= _SPANS_MOST and sum(one.samples for one in found) * len(bad) <= SAMPLES_MOST
    }


def _values(spans: Mapping[int, Sequence[Span]]) -> dict[str, Any]:
    flat = [(key, one) for key, found in spans.items() for one in found]
    return {
        "of": [key for key, _ in flat],
        "firsts": [_time(one.from_ms) for _, one in flat],
        "ends": [_time(one.to_ms) for _, one in flat],
    }


def _time(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
