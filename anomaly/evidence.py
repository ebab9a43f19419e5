"""What the detector saw, as one canonical JSON text with its hash: readable when the raw data is long gone. Pure.

{"version": 2, "machine": …, "cause": …, "detector": …, "model_version": …, "onset_ms": …,
 "score": …, "asked": priority, "mode": number | null, "contributions": [{"tag", "share"}], root first
 "tags": [{"slug", "name", "unit", "share", "times_ms": […], "values": […], "expected": […] | null,
           "band": {"low": […], "high": […]} | null, "limits": {"high": …}}],
 "curves": [{"kind", "x": {"name", "unit", "values"}, "y": {"name", "unit", "values"}, "marks": [{"x", "name"}]}]}

Version 1 had no score, asked, mode, contributions, band and curves; `read` takes both.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly import DamagedEvidence
from anomaly.records import Case, Curve, Shown, Tag

VERSION = 2
BEFORE_S = 600
POINTS_MOST = 1200


def freeze(machine: str, case: Case, model_version: str, shown: Sequence[Shown], curves: Sequence[Curve] = ()) -> str:
    """The snapshot; the same facts always give the same text."""
    share = dict(case.contributions)
    snapshot = {
        "version": VERSION,
        "machine": machine,
        "cause": case.cause,
        "detector": case.source,
        "model_version": model_version,
        "onset_ms": case.onset_ns // 1_000_000,
        "score": round(case.score, 6),
        "asked": case.priority,
        "mode": case.mode,
        "contributions": [{"tag": tag, "share": part} for tag, part in case.contributions],
        "tags": [_tag(one, share.get(one.tag.slug, 0.0)) for one in shown],
        "curves": [_curve(one) for one in curves],
    }
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(snapshot: str) -> bytes:
    """The hash that stands beside the snapshot."""
    return hashlib.sha256(snapshot.encode()).digest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot read back; what its version did not hold is None or empty."""

    machine: str
    cause: str
    detector: str
    model_version: str
    onset_ms: int
    score: float | None
    contributions: tuple[tuple[str, float], ...]
    shown: tuple[Shown, ...]
    curves: tuple[Curve, ...]


def read(snapshot: str, sha256: bytes) -> Snapshot:
    """What was frozen, of any version up to this one.

    Raises:
        DamagedEvidence: the text is not the one that was hashed, or a newer program has frozen it.
    """
    if digest(snapshot) != sha256:
        raise DamagedEvidence("the snapshot is not the text that was hashed")
    told = json.loads(snapshot)
    if not 1 <= told["version"] <= VERSION:
        raise DamagedEvidence(f"the snapshot has version {told['version']}, this program reads up to {VERSION}")
    tags = told["tags"]
    parts = told.get("contributions", [{"tag": tag["slug"], "share": tag["share"]} for tag in tags])
    return Snapshot(
        machine=told.get("machine", ""), cause=told["cause"], detector=told.get("detector", ""),
        model_version=told.get("model_version", ""), onset_ms=told.get("onset_ms", 0), score=told.get("score"),
        contributions=tuple((part["tag"], part["share"]) for part in parts),
        shown=tuple(_shown(tag) for tag in tags),
        curves=tuple(_read_curve(curve) for curve in told.get("curves", ())),
    )  # fmt: skip


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
    n = len(shown.times_ms)
    low, high = shown.band or (None, None)
    band = None if low is None or high is None else {"low": [round(low, 6)] * n, "high": [round(high, 6)] * n}
    return {
        "slug": shown.tag.slug,
        "name": shown.tag.name,
        "unit": shown.tag.unit,
        "share": share,
        "times_ms": shown.times_ms,
        "values": shown.values,
        "expected": None if shown.expected is None else [round(shown.expected, 6)] * n,
        "band": band,
        "limits": shown.limits,
    }


def _shown(tag: dict[str, Any]) -> Shown:
    expected, band = tag.get("expected") or [None], tag.get("band")
    return Shown(
        Tag(0, tag["slug"], tag["name"], tag["unit"], "float"), tag["limits"], expected[0], tag["times_ms"],
        tag["values"], (band["low"][0], band["high"][0]) if band and band["low"] else None,
    )  # fmt: skip


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "kind": curve.kind,
        "x": {"name": curve.x_name, "unit": curve.x_unit, "values": [round(x, 6) for x in curve.x]},
        "y": {"name": curve.y_name, "unit": curve.y_unit, "values": [round(y, 9) for y in curve.y]},
        "marks": [{"x": x, "name": name} for x, name in curve.marks],
    }


def _read_curve(told: dict[str, Any]) -> Curve:
    x, y = told["x"], told["y"]
    marks = tuple((mark["x"], mark["name"]) for mark in told["marks"])
    return Curve(
        told["kind"], x["name"], x["unit"], tuple(x["values"]), y["name"], y["unit"], tuple(y["values"]), marks
    )
