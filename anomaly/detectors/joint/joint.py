"""All tags of a machine in one mode, row by row: `look` at a row, then `settle` what it means for what is remembered.

look(row) ──► surprise            settle(calm | doubtful | in alarm) ──► the level follows, spreads are learned
"""

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState
from anomaly.detectors.joint.deviations import Deviations
from anomaly.detectors.joint.independence import effective_rows, smooth
from anomaly.detectors.joint.innovations import Innovations
from anomaly.detectors.joint.reference import Reference, scale_of
from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s

VERSION = "joint-1"
LEARN_ROWS_LEAST = 60
DOUBTFUL = 2.0  # a calm machine is above this surprise in 1 % of its rows: what is seen then is not learned as normal
_PACE_HELD = 0.1  # of the ordinary one
_WORTH_RATE = 0.2
_USUAL = 3.0  # spreads that a tag may well be away from its level


class Joint:
    """One machine (k tags) in one mode."""

    def __init__(self, tags: int) -> None:
        self._reference = Reference(tags)
        self._deviations = Deviations(tags)
        self._innovations = Innovations(tags)
        self._measured, self._out = np.zeros(tags), np.zeros(tags, bool)
        self._ready = np.zeros(1, bool)

    @property
    def ready(self) -> bool:
        """Whether it has learned."""
        return bool(self._ready[0])

    def learn(self, values: Float64s, scale: Float64s | None = None) -> None:
        """Learn from [n, k]; fewer than LEARN_ROWS_LEAST rows are too few to say anything ever.

        scale: [k], by `scale_of` of everything that is known of the machine; that of `values` where it is not given.
        """
        if len(values) < LEARN_ROWS_LEAST or not values.shape[1]:
            return
        residuals = self._reference.learn(values, scale_of(values) if scale is None else scale)
        worth = effective_rows(smooth(_levelled(values), _WORTH_RATE, np.zeros(values.shape[1])))
        self._deviations.learn(residuals, worth)
        self._innovations.learn(residuals)
        self._ready[:] = True

    def look(self, values: Float64s, out: NDArray[np.bool_]) -> float:
        """The surprise of a row [k], NaN while nothing was learned; `out` [k]: no value of these tags is believed."""
        if not self._ready[0]:
            return float("nan")
        self._measured = 1.0 - np.isnan(values)
        if not self._measured.any():
            return float("nan")
        residual, self._out = self._reference.look(values), out
        if out.any():
            residual = self._reference.residual = self._deviations.implied(residual, out)
        return max(self._deviations.surprise(residual, out), self._innovations.surprise(residual, self._measured))

    def settle(self, surprise: float, *, held: bool) -> None:
        """Take the row in: `held` while the machine is in alarm."""
        if not (self._ready[0] and self._measured.any()):
            return
        calm = not held and surprise <= DOUBTFUL
        self._reference.follow(np.where(self._out, 0.0, 1.0 if calm else _PACE_HELD))
        if not held:
            self._deviations.remember()
            self._innovations.remember(self._measured)

    def rejoin(self) -> None:
        """The machine comes back to this mode: it goes on where it left, but how it left says nothing."""
        self._reference.residual = np.clip(self._reference.residual, -_USUAL, _USUAL)
        self._deviations.rejoin()
        self._innovations.rejoin(self._reference.residual)

    def doubt(self, tags: NDArray[np.bool_]) -> None:
        """The sensors of these tags [k] turn out to be broken: what they have said lately is forgotten."""
        self._reference.residual = np.where(tags, 0.0, self._reference.residual)
        self._deviations.doubt(tags)
        self._innovations.doubt()

    def shares(self) -> Float64s:
        """[k]: how much each tag has to do with the last surprise; they sum to 1, or are all 0."""
        shares = self._deviations.shares() + self._innovations.shares()
        total = float(shares.sum())
        result: Float64s = shares / total if total > 0 else shares
        return result

    def expected(self) -> Float64s:
        """[k]: what the coming row should show, in the units of the tags; NaN where nothing is known."""
        off = self._innovations.expected() * self._reference.spread
        result: Float64s = self._reference.level + off if self._ready[0] else np.full(len(off), np.nan)
        return result

    def arrays(self) -> Arrays:
        """Everything that was learned and runs on, by name; `take` gives it back."""
        parts = {
            "reference": self._reference.arrays(),
            "deviations": self._deviations.arrays(),
            "innovations": self._innovations.arrays(),
        }
        named = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return named | {"ready": self._ready}

    def take(self, arrays: Arrays) -> None:
        """Go on where `arrays` was taken. Raises UnreadableState."""
        mine = self.arrays()
        if {name: array.shape for name, array in mine.items()} != {name: array.shape for name, array in arrays.items()}:
            raise UnreadableState("a state of a machine with other tags")
        for part in ("reference", "deviations", "innovations"):
            owner = getattr(self, f"_{part}")
            prefix = "" if part == "reference" else "_"
            for name in owner.arrays():
                setattr(owner, prefix + name, arrays[f"{part}.{name}"].copy())
        self._ready = arrays["ready"].copy()


def _levelled(values: Float64s) -> Float64s:
    """Centred, with holes at the centre."""
    empty = np.isnan(values).all(axis=0)
    centred = values - np.nanmean(np.where(empty, 0.0, values), axis=0)
    result: Float64s = np.nan_to_num(centred)
    return result
