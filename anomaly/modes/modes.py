"""The modes of a machine: learned once, told for every row that follows.

Rows ──levels of some tags──► combination ──known?──► mode ──settled──► mode, until then -1
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.state import Arrays, pack, unpack
from anomaly.modes.levels import DWELL_LEAST, LEVELS_MOST, VISITS_LEAST, Levels, learn_levels, visits
from anomaly.modes.settling import LONG_AGO, learn_settling, rows_since, unsettled
from anomaly.modes.standing import Standing
from anomaly.rows import Rows
from anomaly.validity.rest import near_zero
from anomaly.validity.runs import filled_forward

UNKNOWN = -1
_MODE_SHARE = 0.02
_MODES_MOST = 12
_FEATURES_MOST = 8
_COVER_LEAST = 0.8  # of the training rows: otherwise the combinations are no modes
_STATES_MOST = 32
_MANY = 4  # of so many tags that tell the mode half must be away from it, of fewer ones most
STANDING = _STATES_MOST

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Modes:
    """Learned from the training rows, or read off a tag that says the state."""

    def __init__(self, tags: int, state_tag: int | None = None) -> None:
        self._state_tag = state_tag
        self._feature = np.zeros(0, np.int64)
        self._levels: list[Levels] = []
        self._pattern = np.zeros((1, 0))
        self._after = np.zeros((1, 1), np.int64)
        self._standing = Standing(np.full(tags, np.nan))
        self._forget()

    def _forget(self) -> None:
        self._held = np.full(len(self._feature), np.nan)
        self._since = np.full(self.count, LONG_AGO)

    @property
    def count(self) -> int:
        """How many modes are known; 1 for a machine that is always alike."""
        return len(self._pattern)

    @property
    def settle_rows(self) -> Ints:
        """[count]: for how many rows at most each mode is not itself yet behind another one."""
        longest: Ints = self._after.max(axis=0)
        return longest

    def learn(self, rows: Rows) -> None:
        """Find the modes in the training block."""
        self._feature, self._levels, self._pattern = np.zeros(0, np.int64), [], np.zeros((1, 0))
        self._standing = Standing(near_zero(rows.value))
        if self._state_tag is not None:
            self._learn_states(rows.value[:, self._state_tag])
        else:
            self._learn_levels(rows)
        self._forget()
        self._after = np.zeros((self.count, self.count), np.int64)
        if self.count > 1:
            self._after = learn_settling(rows.value, self._assigned(rows)[0], self.count)
            self._forget()
        self.update(rows)

    def update(self, rows: Rows) -> NDArray[np.int16]:
        """The mode [n] of the rows that follow: UNKNOWN while not settled, STANDING from a stop until it is warm."""
        stands = self._standing.update(rows.value)
        if self.count == 1 and not len(self._feature):
            return np.where(stands, STANDING, 0).astype(np.int16)
        mode, since = self._assigned(rows)
        settled = (mode >= 0) & ~unsettled(mode, since, self._after) & ~self._between(rows.value, mode)
        return np.where(stands, STANDING, np.where(settled, mode, UNKNOWN)).astype(np.int16)

    def _learn_states(self, state: Floats) -> None:
        values, counts = np.unique(state[~np.isnan(state)], return_counts=True)
        kept = np.sort(values[np.argsort(-counts, kind="stable")[:_STATES_MOST]])
        if len(kept):
            self._feature = np.array([self._state_tag], np.int64)
            self._pattern = kept[:, None]

    def _learn_levels(self, rows: Rows) -> None:
        found = [(tag, levels) for tag in range(rows.tags) if (levels := learn_levels(rows.value[:, tag]))]
        for tag, levels in found[:_FEATURES_MOST]:
            self._keep([*self._feature.tolist(), tag], [*self._levels, levels], rows.value)

    def _keep(self, feature: list[int], levels: list[Levels], value: Floats) -> None:
        """Take one more tag in if the combinations with it are still modes."""
        columns = [one.of(value[:, tag], np.nan) for tag, one in zip(feature, levels, strict=True)]
        level = np.column_stack(columns)
        whole = ~np.isnan(level).any(axis=1)
        if not whole.any():
            return
        patterns, at = np.unique(level[whole], axis=0, return_inverse=True)
        share = np.bincount(at.ravel()) / whole.sum()
        often = [one for one in range(len(patterns)) if share[one] >= _MODE_SHARE and _comes_back(at.ravel(), one)]
        if 1 < len(often) <= _MODES_MOST and share[often].sum() >= _COVER_LEAST:
            self._feature, self._levels, self._pattern = np.array(feature, np.int64), levels, patterns[often]

    def _assigned(self, rows: Rows) -> tuple[Ints, Ints]:
        """The mode [n] of the nearest known combination, and the rows [n, count] since each mode was left."""
        if not len(rows):
            return np.zeros(0, np.int64), np.zeros((0, self.count), np.int64)
        level = self._level(rows.value)
        mode = self._nearest(level)
        since = rows_since(mode, self._since)
        self._held, self._since = level[-1], since[-1]
        return mode, since

    def _level(self, value: Floats) -> Floats:
        if self._state_tag is not None:
            return filled_forward(value[:, self._feature], self._held)[1:]
        pairs = zip(self._feature.tolist(), self._levels, self._held.tolist(), strict=True)
        return np.column_stack([levels.of(value[:, tag], held) for tag, levels, held in pairs])

    def _between(self, value: Floats, mode: Ints) -> NDArray[np.bool_]:
        """[n]: half of the tags that tell the mode are not at its levels: the machine is on its way."""
        if self._state_tag is not None:
            return np.zeros(len(value), bool)
        pairs = zip(self._feature.tolist(), self._levels, strict=True)
        clear = np.column_stack([levels.clear(value[:, tag]) for tag, levels in pairs])
        known = ~np.isnan(value[:, self._feature])
        apart = (known & (clear != self._pattern[mode])).sum(axis=1)
        others = (known[:, None, :] & (clear[:, None, :] != self._pattern[None])).sum(axis=2)
        doubtful = ~known.all(axis=1) & ((others <= apart[:, None]).sum(axis=1) > 1)  # what is missing would tell
        between: NDArray[np.bool_] = (
            2 * apart >= np.maximum(known.sum(axis=1), 1) + (known.sum(axis=1) < _MANY)
        ) | doubtful
        return between

    def _nearest(self, level: Floats) -> Ints:
        """[n]: the mode with most levels in common. A state nobody knows is no mode, however near."""
        alike = (level[:, None, :] == self._pattern[None, :, :]).sum(axis=2)
        mode = alike.argmax(axis=1)
        return np.where(alike.max(axis=1, initial=0) > 0, mode, UNKNOWN)

    def snapshot(self) -> bytes:
        return pack(self._state())

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        saved = {name: array[0] for name, array in unpack(state, self._state()).items()}
        features, modes = int(saved["features"]), int(saved["modes"])
        self._state_tag = None if saved["state_tag"] < 0 else int(saved["state_tag"])
        self._feature, self._held = saved["feature"][:features], saved["held"][:features]
        self._levels = [
            Levels(tuple(below[~np.isnan(below)].tolist()), tuple(above[~np.isnan(above)].tolist()))
            for below, above in zip(saved["below"][:features], saved["above"][:features], strict=True)
        ]
        self._pattern, self._after = saved["pattern"][:modes, :features], saved["after"][:modes, :modes]
        self._since = saved["since"][:modes]
        self._standing = Standing(saved["near_zero"], int(saved["stood"]), int(saved["blank"]), int(saved["falling"]))

    def _state(self) -> Arrays:
        features = len(self._feature)
        below, above = np.full((2, _FEATURES_MOST, LEVELS_MOST), np.nan)
        for at, levels in enumerate(self._levels):
            below[at, : len(levels.below)], above[at, : len(levels.above)] = levels.below, levels.above
        pattern = np.full((_STATES_MOST, _FEATURES_MOST), np.nan)
        pattern[: self.count, :features] = self._pattern
        after, since = np.zeros((_STATES_MOST, _STATES_MOST), np.int64), np.zeros(_STATES_MOST, np.int64)
        after[: self.count, : self.count], since[: self.count] = self._after, self._since
        feature, held = np.zeros(_FEATURES_MOST, np.int64), np.full(_FEATURES_MOST, np.nan)
        feature[:features], held[:features] = self._feature, self._held
        numbers = {
            "state_tag": -1 if self._state_tag is None else self._state_tag,
            "features": features,
            "modes": self.count,
            "stood": self._standing.stood,
            "blank": self._standing.blank,
            "falling": self._standing.falling,
        }
        arrays = {
            "below": below, "above": above, "pattern": pattern, "after": after,
            "since": since, "feature": feature, "held": held,
            "near_zero": self._standing.near_zero,
        }  # fmt: skip
        return {name: array[None] for name, array in arrays.items()} | {
            name: np.array([number], np.int64) for name, number in numbers.items()
        }


def _comes_back(at: Ints, pattern: int) -> bool:
    """Whether a combination is held for a while, left, and taken up again."""
    lengths, mine = visits((at == pattern) * 1.0)
    held = lengths[mine == 1.0]
    return len(held) >= VISITS_LEAST and bool(np.median(held) >= DWELL_LEAST)
