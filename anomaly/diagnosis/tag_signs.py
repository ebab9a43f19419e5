"""What the tags show in the words of the table: which tag kinds are up, down or unstable. Pure.

tag names ──words of tag kinds──► kinds ──level and noise against normal──► {"pressure:down": strength and which tag}
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis.advice import Seen
from anomaly.diagnosis.failure_modes import Library
from anomaly.diagnosis.words import folded

Float64s = NDArray[np.float64]

CLEAR_LEVEL = 2.0
"""Deviations in the tag's own noise at which a shift is as likely a sign as not."""

CLEAR_NOISE = 2.0
"""Times its usual noise at which a tag is as likely unstable as not."""

STEEP = 2.0


def kind_of(tag: str, library: Library) -> str | None:
    """The kind of a tag by its name: the one with most words in it, then the longest; None when none stands in it."""
    plain = f" {folded(tag)} "
    found = [
        (word.count(" "), len(word), kind.id)
        for kind in library.kinds.values()
        for word in kind.words
        if (folded(word) if any(letter >= "\u4e00" for letter in word) else f" {folded(word)}") in plain
    ]
    return max(found)[2] if found else None


def tag_signs(tags: Sequence[str], z: Float64s, library: Library) -> dict[str, Seen]:
    """Signs of the rows z [n, k] of a fault: each direction of each kind that has a tag, absent ones near 0."""
    level = np.median(z, axis=0)
    noise = np.sqrt(((z - level) ** 2).mean(axis=0))
    signs: dict[str, Seen] = {}
    for at, tag in enumerate(tags):
        kind = kind_of(tag, library)
        if kind is None:
            continue
        up, unstable = _logistic(level[at] - CLEAR_LEVEL), _logistic(2 * np.log2(max(noise[at], 1e-9) / CLEAR_NOISE))
        shown = {"up": up, "down": _logistic(-level[at] - CLEAR_LEVEL), "unstable": unstable}
        for direction, strength in shown.items():
            sign = f"{kind}:{direction}"
            if sign not in signs or strength > signs[sign].strength:
                signs[sign] = Seen(strength, f"{tag} {level[at]:+.1f} noise widths")
    return signs


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(STEEP * x, -30, 30))))
