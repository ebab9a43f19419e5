"""What the detector saw, as one canonical JSON text with its hash: readable when the raw data is long gone. Pure.

{"version": 1, "machine": …, "cause": …, "detector": …, "model_version": …, "onset_ms": …, "tags": [
   {"slug", "name", "unit", "share", "times_ms": […], "values": […], "expected": […] | null, "limits": {"high": …}}]}
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from anomaly.records import Case, Shown

VERSION = 1
BEFORE_S = 600
POINTS_MOST = 1200


def freeze(machine: str, case: Case, model_version: str, shown: Sequence[Shown]) -> str:
    """The snapshot; the same facts always give the same text."""
    share = dict(case.contributions)
    snapshot = {
        "version": VERSION,
        "machine": machine,
        "cause": case.cause,
        "detector": case.source,
        "model_version": model_version,
        "onset_ms": case.onset_ns // 1_000_000,
        "tags": [_tag(one, share.get(one.tag.slug, 0.0)) for one in shown],
    }
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(snapshot: str) -> bytes:
    """The hash that stands beside the snapshot."""
    return hashlib.sha256(snapshot.encode()).digest()


def merge(
    stored: Sequence[tuple[int, float | None]], fresh: Sequence[tuple[int, float | None]]
) -> tuple[list[int], list[float | None]]:
    """Stored samples and those that are not stored yet, as times in ms and values, each time once, thinned."""
    joined = dict(fresh) | dict(stored)
    times = sorted(joined)
    return thin(times, [joined[time_ms] for time_ms in times])


def thin(
    times_ms: list[int], values: list[float | None], most: int = POINTS_MOST
) -> tuple[list[int], list[float | None]]:
    """At most about `most` points; of every stretch the least and the greatest, so that no spike is lost."""
    if len(values) <= most:
        return times_ms, values
    numbers = np.array([np.nan if value is None else value for value in values])
    keep: set[int] = {0, len(values) - 1}
    for stretch in np.array_split(np.arange(len(values)), max(most // 3, 1)):
        part = numbers[stretch]
        bad = np.isnan(part)
        if bad.any():
            keep.add(int(stretch[np.argmax(bad)]))
        if not bad.all():
            keep |= {int(stretch[np.nanargmin(part)]), int(stretch[np.nanargmax(part)])}
    kept = sorted(keep)
    return [times_ms[at] for at in kept], [values[at] for at in kept]


def _tag(shown: Shown, share: float) -> dict[str, Any]:
    expected = None if shown.expected is None else [round(shown.expected, 6)] * len(shown.times_ms)
    return {
        "slug": shown.tag.slug,
        "name": shown.tag.name,
        "unit": shown.tag.unit,
        "share": share,
        "times_ms": shown.times_ms,
        "values": shown.values,
        "expected": expected,
        "limits": shown.limits,
    }
