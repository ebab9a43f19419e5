"""Which known fault a file shows: the first rows are normal, behind them a fault may begin. Pure.

rows ──first N──► normal ──► fault rows ──► signature ──known faults──► ranked labels with evidence, or unknown
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from anomaly.diagnosis import BadHistory
from anomaly.diagnosis.answer import Answer, Candidate, Source, ranked
from anomaly.diagnosis.episodes import Episode
from anomaly.diagnosis.fault_rows import Stretch, Yardstick
from anomaly.diagnosis.fault_windows import KINDS
from anomaly.diagnosis.known_faults import KnownFaults, Signature, fits, learn
from anomaly.diagnosis.normal import Normal
from anomaly.diagnosis.signatures import Fit

Float64s = NDArray[np.float64]

SHARP = 12.0
"""How fast the score falls with the rest: a fault that leaves a quarter more unexplained is 20 times less likely."""

TRAINING_LEAST = 10
NORMAL_RANGE = 3.29
TAGS_SHOWN = 3
TAG_LEAST = 0.5
"""A tag that changed less than this, on the drawn-in scale of the features, is no evidence."""


@dataclass(frozen=True, slots=True)
class Departure:
    """The rows of a file that differ from its first ones; `z`, `e` [n, k] of these rows."""

    normal: Normal
    yardstick: Yardstick
    training: Float64s
    stretch: Stretch | None
    z: Float64s
    e: Float64s


def departure_of(rows: Float64s, train_rows: int, spread: Float64s) -> Departure:
    """Learn normal from the first rows and find those behind them that differ; the stretch counts from the first row.

    Raises:
        BadHistory: too few rows to learn from, or none behind them.
    """
    if not TRAINING_LEAST <= train_rows < len(rows):
        raise BadHistory(
            f"{train_rows} normal rows of {len(rows)}: give at least {TRAINING_LEAST}, and rows behind them"
        )
    normal = Normal.learn(rows[:train_rows], spread)
    z, e = normal.deviations(rows)
    yardstick = Yardstick.learn(z[:train_rows], e[:train_rows])
    behind = yardstick.stretch(z[train_rows:], e[train_rows:])
    stretch = behind and Stretch(behind.start + train_rows, behind.stop + train_rows, behind.evidence)
    cut = slice(stretch.start, stretch.stop) if stretch else slice(0, 0)
    return Departure(normal, yardstick, rows[:train_rows], stretch, z[cut], e[cut])


def spread_of(rows: Float64s, episodes: Sequence[Episode]) -> Float64s:
    """Spread of each tag over all that is known of it [k], by its 5 and 95 %: a garbled value does not matter."""
    known = np.vstack([rows, *(episode.rows for episode in episodes)])
    some = np.where(np.isnan(known).all(axis=0), 0.0, known)
    low, high = np.nanquantile(some, (0.05, 0.95), axis=0)
    return np.asarray((high - low) / NORMAL_RANGE)


def diagnose(departure: Departure, tags: Sequence[str], episodes: Sequence[Episode]) -> Answer:
    """The known faults that explain the departure best; `unknown` first when none explains enough of it."""
    if departure.stretch is None:
        why = Source("note", {"note": "the rows behind the normal ones do not differ from them"})
        return Answer(ranked({}, 1.0, [why]), {"fault_rows": None})
    faults = learn(departure.normal, departure.yardstick, departure.training, episodes, len(departure.stretch))
    lines = faults.features_of(departure.z, departure.e)
    best: dict[str, tuple[Signature, Fit, float]] = {}
    for found in sorted(fits(faults, faults.space.place(lines)), key=lambda found: (found[2], found[1].distance)):
        best.setdefault(found[0].episode.label, found)
    rests = np.array([left for _, _, left in best.values()])
    scores = dict(zip(best, map(float, special.softmax(-SHARP * rests)), strict=True))
    unknown = float(special.expit(SHARP * (rests.min() - faults.limit)))
    why = Source("note", {"note": "least share that a known fault leaves unexplained", "rest": _round(rests.min())})
    places = ranked(scores, unknown, [Source("note", {**why.facts, "limit": _round(faults.limit)})])
    proven = tuple(_proven(place, best, faults, lines, tags) for place in places)
    return Answer(proven, {"fault_rows": _told(departure.stretch)})


def _told(stretch: Stretch) -> dict[str, int]:
    return {"first": stretch.start, "last": stretch.stop - 1}


def _proven(
    place: Candidate,
    best: dict[str, tuple[Signature, Fit, float]],
    faults: KnownFaults,
    lines: Float64s,
    tags: Sequence[str],
) -> Candidate:
    if place.label not in best:
        return place
    signature, fit, left = best[place.label]
    start = signature.stretch.start + fit.first * faults.step
    stop = min(signature.stretch.start + fit.last * faults.step + faults.length, signature.stretch.stop)
    facts: dict[str, Any] = {"episode": signature.episode.name, "first_row": start, "last_row": stop - 1}
    episode = Source("episode", {**facts, "unexplained": _round(left)})
    then = signature.features[fit.first : fit.last + 1].mean(axis=0)
    return Candidate(place.label, place.score, (episode, *_tags(lines.mean(axis=0), then, faults.usual, tags)))


def _tags(now: Float64s, then: Float64s, usual: Float64s, tags: Sequence[str]) -> list[Source]:
    """The tags that changed most, now and in the episode alike: the smaller of both changes counts."""
    here, there = (now - usual).reshape(len(KINDS), -1), (then - usual).reshape(len(KINDS), -1)
    alike = np.where(here * there > 0, np.minimum(np.abs(here), np.abs(there)), 0.0)
    kind = alike.argmax(axis=0)
    strength = alike.max(axis=0)
    shown = [at for at in np.argsort(-strength)[:TAGS_SHOWN] if strength[at] >= TAG_LEAST]
    return [
        Source(
            "tag",
            {
                "tag": tags[at],
                "what": KINDS[kind[at]],
                "change": _round(here[kind[at], at]),
                "in_episode": _round(there[kind[at], at]),
            },
        )
        for at in shown
    ]


def _round(value: float) -> float:
    return round(float(value), 3)
