"""Known faults, learned together with the normal rows of the file in question; and how strange is too strange. Pure.

    episodes, normal rows ──fault rows, windows──► Space ──► signatures of each episode
                                      └─ left out in turn: a part of an episode, a whole label ─► limit of the rest

The limit is where calling parts of known faults unknown, and left-out labels known, cost the same. Few labels say
little and move it little: without them a fault is recognised when it explains two fifths of the departure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis.episodes import Episode
from anomaly.diagnosis.fault_rows import Stretch, Yardstick
from anomaly.diagnosis.fault_windows import features
from anomaly.diagnosis.normal import Normal
from anomaly.diagnosis.signatures import Fit, Space, fit, rest

Float64s = NDArray[np.float64]

LOOKS = 12
"""So many windows without overlap fit into a usual episode: enough for a mean and a scatter, each long."""

WINDOW_ROWS = (8, 200)
OVERLAP = 4
LIMIT = 0.6
LIMIT_BETWEEN = (0.4, 0.75)
PRIOR_TRIALS = 10.0


@dataclass(frozen=True, slots=True)
class Signature:
    """Windows of an episode's fault rows in the space, and as features."""

    episode: Episode
    stretch: Stretch
    windows: Float64s
    features: Float64s


@dataclass(frozen=True, slots=True)
class KnownFaults:
    """All signatures, what normal windows look like, and the limit of the rest above which a fault is unknown."""

    normal: Normal
    length: int
    space: Space
    usual: Float64s
    signatures: tuple[Signature, ...]
    limit: float

    @property
    def step(self) -> int:
        return max(self.length // OVERLAP, 1)

    def features_of(self, z: Float64s, e: Float64s) -> Float64s:
        return features(z, e, self.length, self.step)


def learn(
    normal: Normal, yardstick: Yardstick, training: Float64s, episodes: Sequence[Episode], rows: int
) -> KnownFaults:
    """Learn the signatures for a stretch of `rows` rows; `training` are the normal rows [n, k]."""
    looks = [normal.deviations(episode.rows) for episode in episodes]
    stretches = [yardstick.stretch(*look) or Stretch(0, len(look[0]), 0.0) for look in looks]
    length = _length([len(stretch) for stretch in stretches], rows)
    step = max(length // OVERLAP, 1)
    cut = [tuple(part[s.start : s.stop] for part in look) for look, s in zip(looks, stretches, strict=True)]
    found = [features(z, e, min(length, len(z)), step) for z, e in cut]
    usual = features(*normal.deviations(training), length, step)
    space = Space.learn([*found, usual])
    signatures = tuple(
        Signature(episode, stretch, space.place(lines), lines)
        for episode, stretch, lines in zip(episodes, stretches, found, strict=True)
    )
    centre = space.place(usual).mean(axis=0)
    return KnownFaults(normal, length, space, usual.mean(axis=0), signatures, _limit(signatures, space, centre))


def _length(known: Sequence[int], rows: int) -> int:
    usual = float(np.median(known)) / LOOKS
    return int(max(min(np.clip(usual, *WINDOW_ROWS), rows, max(min(known), WINDOW_ROWS[0])), 2))


def _limit(signatures: Sequence[Signature], space: Space, centre: Float64s) -> float:
    """The limit of the rest that separates parts of known faults from faults whose label was left out."""
    known, strange = [], []
    for at, signature in enumerate(signatures):
        others = [other for other in signatures if other.episode.label != signature.episode.label]
        same = [other.windows for place, other in enumerate(signatures) if place != at and other not in others]
        held, kept = (signature.windows, same) if same else _thirds(signature.windows)
        known.append(_least_rest(held, [*kept, *(other.windows for other in others)], space, centre))
        if others:
            strange.append(_least_rest(signature.windows, [other.windows for other in others], space, centre))
    if not strange:
        return LIMIT
    between = np.linspace(*LIMIT_BETWEEN, 36)
    cost = [np.mean(np.array(known) > limit) + np.mean(np.array(strange) <= limit) for limit in between]
    best = between[np.flatnonzero(np.array(cost) <= min(cost) + 1e-9)]
    found = float(best[np.argmin(np.abs(best - LIMIT))])
    trust = len(strange) / (len(strange) + PRIOR_TRIALS)
    return trust * found + (1 - trust) * LIMIT


def _thirds(windows: Float64s) -> tuple[Float64s, list[Float64s]]:
    """The middle third of an only episode as something new, what is well before and behind it as known."""
    third = max(len(windows) // 3, 1)
    kept = [part for part in (windows[: max(third - OVERLAP, 0)], windows[2 * third + OVERLAP :]) if len(part)]
    return windows[third : 2 * third], kept or [windows]


def _least_rest(held: Float64s, known: Sequence[Float64s], space: Space, centre: Float64s) -> float:
    mean = held.mean(axis=0)
    noise = space.scatter * OVERLAP / (len(held) + OVERLAP - 1)
    distance = min(fit(mean, windows, len(held)).distance for windows in known)
    return rest(distance, float(((mean - centre) ** 2).sum()), noise)


def fits(faults: KnownFaults, windows: Float64s) -> list[tuple[Signature, Fit, float]]:
    """Each signature, how it fits new windows [m, features] in the space, and the rest that it leaves."""
    mean = windows.mean(axis=0)
    noise = faults.space.scatter * OVERLAP / (len(windows) + OVERLAP - 1)
    departure = float(((mean - faults.space.place(faults.usual)) ** 2).sum())
    found = ((signature, fit(mean, signature.windows, len(windows))) for signature in faults.signatures)
    return [(signature, one, rest(one.distance, departure, noise)) for signature, one in found]
