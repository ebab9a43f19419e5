"""The validity of all tags of a machine, streaming: calm tags all at once, a tag in doubt row by row.

Rows ──steps, runs, windows (numpy)──► odd rows ──Doubt of that tag──► fault [n, k] ──► usable [n, k]
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState
from anomaly.detectors.state import Arrays, pack, unpack
from anomaly.rows import Rows
from anomaly.validity.doubt import BEFORE_ROWS, POST_ROWS, Doubt, Nature, Phase, Seen
from anomaly.validity.faults import SensorFault
from anomaly.validity.habits import FLAT_ROWS, Habits, at_rest, learn_habits, no_habits, others_still
from anomaly.validity.rest import stands
from anomaly.validity.runs import Bools, Floats, filled_forward, of_the_others, run_lengths, steps_of, window_counts

_NEAR_ROWS = 3  # a neighbour's step counts in its row and the two behind it
_NOISE_ROWS = 30
_NOISE_LEAST, _NOISE_OTHERS_MOST = 5, 1
_STILL_SHARE = 0.3  # of the lively others flat as well: the machine stands or the line is dead, not one sensor
_GOING_ON = 0.5  # a step of more than this share before it, the same way: the tag is on its way
_NUMBERS = {
    "phase": np.int64, "fault": np.int64, "shared": np.bool_, "good": np.int64, "gain": np.float64,
    "offset": np.float64, "spikes": np.int64, "spike_row": np.int64,
}  # fmt: skip
_NEVER = np.iinfo(np.int64).min


@dataclass(slots=True)
class _Signs:
    """What numpy sees of a block before anybody judges: all [n, k]."""

    value: Floats
    step: Floats
    jumps: Bools  # farther than its habit, out of rest: a tag on its way goes on
    run: NDArray[np.int64]
    missing: NDArray[np.int64]
    shared: Bools
    stuck: Bools
    noisy: Bools
    calmed: Bools
    stands: Bools  # [n]


class Validity:
    """Learn from a training block, then tell of every value whether the sensor can be believed."""

    def __init__(self, tags: int, ranges: Sequence[tuple[float, float]] | None = None) -> None:
        """`ranges`: least and most that each instrument can show, infinite where unknown."""
        self._ranges = np.array(ranges if ranges is not None else [(-np.inf, np.inf)] * tags, np.float64).reshape(
            tags, 2
        )
        self._habits = no_habits(tags)
        self._natures = self._natures_of(self._habits)
        self._doubts = [Doubt() for _ in range(tags)]
        self._tail: list[list[float]] = [[] for _ in range(tags)]  # the last usable values
        self._held = np.full(tags, np.nan)
        self._run, self._missing = np.zeros(tags, np.int64), np.zeros(tags, np.int64)
        self._last_step = np.zeros(tags)
        self._big = np.zeros((_NEAR_ROWS - 1, tags), bool)
        self._wild = np.zeros((_NOISE_ROWS - 1, tags), bool)
        self._turned = np.zeros((_NOISE_ROWS - 1, tags), bool)
        self._last_ns = _NEVER
        self._row = 0

    def learn(self, rows: Rows) -> None:
        """Learn the habits from the training block; what runs on starts behind its last row."""
        self._habits = learn_habits(rows)
        self._natures = self._natures_of(self._habits)
        self.update(rows.part(max(0, len(rows) - 10 * _NOISE_ROWS)))
        self._doubts = [Doubt() for _ in self._doubts]
        self._row = 0

    def update(self, rows: Rows) -> tuple[Bools, NDArray[np.uint8]]:
        """usable [n, k] and fault [n, k] (codes of SensorFault) of the rows that follow."""
        fault = np.zeros(rows.value.shape, np.uint8)
        usable = np.zeros(rows.value.shape, bool)
        if not len(rows):
            return usable, fault
        signs = self._signs(rows)
        usable = ~np.isnan(rows.value)
        for tag in np.flatnonzero(self._odd(signs, usable).any(axis=0) | self._in_doubt()).tolist():
            self._walk(tag, signs, usable, fault)
        self._row += len(rows)
        present = ~np.isnan(rows.value)
        self._remember(rows.value, usable)
        fault[~present & (signs.missing >= self._habits.missing_rows) & (fault == 0)] = SensorFault.GAP
        fault[self._after_gap(rows.time_ns)[:, None] & (fault == 0)] = SensorFault.GAP
        return usable, fault

    def _signs(self, rows: Rows) -> _Signs:
        habits, value = self._habits, rows.value
        present = ~np.isnan(value)
        filled = filled_forward(value, self._held)
        step = steps_of(filled)
        flat = np.abs(step) <= habits.tiny
        run = run_lengths(flat & present, ~flat & present, self._run)
        missing = run_lengths(~present, present, self._missing)
        big = np.vstack([self._big, np.abs(step) > habits.big])
        wild = np.vstack([self._wild, np.abs(step) > habits.wild])
        before = np.vstack([self._last_step, step[:-1]])
        turned = np.vstack([self._turned, wild[_NOISE_ROWS - 1 :] & (step * before < 0)])
        wilds, turns = (window_counts(flags.astype(np.int64), _NOISE_ROWS) for flags in (wild, turned))
        noisy = (wilds >= _NOISE_LEAST) & (2 * turns >= wilds) & (of_the_others(wilds > _NOISE_OTHERS_MOST) == 0)
        jumps = (np.abs(step) > habits.lone) & ~((step * before > 0) & (np.abs(before) > _GOING_ON * np.abs(step)))
        near = of_the_others(big)
        self._held, self._run, self._missing, self._last_step = filled[-1], run[-1], missing[-1], step[-1]
        self._big, self._wild, self._turned = big[len(value) :], wild[len(value) :], turned[len(value) :]
        standing = stands(value, habits.near_zero)
        return _Signs(
            value, step, jumps, run, missing, window_counts(near, _NEAR_ROWS) > 0,
            self._stuck(filled[1:], run) & ~standing[:, None], noisy, wilds <= _NOISE_OTHERS_MOST, standing,
        )  # fmt: skip

    def _stuck(self, value: Floats, run: NDArray[np.int64]) -> Bools:
        """Flat for longer than the habit, and not because the whole machine stands still."""
        habits = self._habits
        stuck = np.zeros(run.shape, bool)
        suspects = np.flatnonzero((run >= np.minimum(habits.stuck_rows, habits.rest_rows)).any(axis=0)).tolist()
        others = others_still(run >= FLAT_ROWS, habits.lively) if suspects else np.zeros(run.shape)
        for tag in suspects:
            rests = at_rest(value[:, tag], habits.rest[tag], float(habits.reach[tag]))
            low, high = habits.low[tag] - habits.scale[tag], habits.high[tag] + habits.scale[tag]
            strange = habits.coarse[tag] & ((value[:, tag] < low) | (value[:, tag] > high))
            moving = ~rests & ~strange & (run[:, tag] >= habits.stuck_rows[tag]) & (others[:, tag] < _STILL_SHARE)
            resting = rests & (run[:, tag] >= habits.rest_rows[tag]) & (others[:, tag] < habits.rest_others[tag] / 2)
            stuck[:, tag] = moving | (resting & np.isfinite(habits.stuck_rows[tag]))
        return stuck

    def _odd(self, signs: _Signs, present: Bools) -> Bools:
        low, high = self._ranges.T
        odd = signs.jumps | signs.stuck | signs.noisy
        return present & (odd | (signs.value < low) | (signs.value > high))

    def _in_doubt(self) -> Bools:
        return np.array([doubt.phase is not Phase.CALM for doubt in self._doubts], bool)

    def _walk(self, tag: int, signs: _Signs, usable: Bools, fault: NDArray[np.uint8]) -> None:
        """One tag through the block, from one odd row to the next while it is calm; fills `usable` and `fault` in."""
        doubt, nature = self._doubts[tag], self._natures[tag]
        odd = np.flatnonzero(self._odd(signs, usable)[:, tag])
        row, rows = 0, len(usable)
        while row < rows:
            if doubt.phase is Phase.CALM:
                later = np.searchsorted(odd, row)
                if later == len(odd):
                    break
                row = int(odd[later])
                doubt.before = _last(self._tail[tag], signs.value[:row, tag][usable[:row, tag]])
            if usable[row, tag]:
                fault[row, tag] = doubt.see(nature, self._seen(signs, row, tag))
                usable[row, tag] = fault[row, tag] == SensorFault.NONE and not doubt.withheld
            elif doubt.phase is Phase.LATCHED:
                fault[row, tag] = doubt.fault
            row += 1

    def _seen(self, signs: _Signs, row: int, tag: int) -> Seen:
        at = (row, tag)
        jumps, shared, stuck, noisy, calmed = (
            bool(flag[at]) for flag in (signs.jumps, signs.shared, signs.stuck, signs.noisy, signs.calmed)
        )
        value, step, stand = float(signs.value[at]), float(signs.step[at]), bool(signs.stands[row])
        return Seen(self._row + row, value, step, jumps, shared, stuck, noisy, calmed, stand)

    def _remember(self, value: Floats, usable: Bools) -> None:
        for tag, column in enumerate(value.T):
            self._tail[tag] = _last(self._tail[tag], column[usable[:, tag]])

    def _after_gap(self, time_ns: NDArray[np.int64]) -> Bools:
        first = time_ns[0] if self._last_ns == _NEVER else self._last_ns
        self._last_ns = int(time_ns[-1])
        longest = self._habits.gap_ns[0] if len(self._habits.gap_ns) else np.inf
        return np.diff(time_ns, prepend=first) > longest

    def _natures_of(self, habits: Habits) -> list[Nature]:
        names = ("low", "high", "tiny", "big", "lone", "scale", "dead_rows", "wild")
        columns = zip(*(getattr(habits, name).tolist() for name in names), *self._ranges.T.tolist(), strict=True)
        return [Nature(*column) for column in columns]

    def snapshot(self) -> bytes:
        return pack(self._state())

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        saved = unpack(state, self._state())
        if len(saved["held"]) != len(self._held):
            raise UnreadableState(f"the validity of {len(saved['held'])} tags, not of {len(self._held)}")
        self._habits = Habits(**{one.name: saved[f"habit_{one.name}"] for one in fields(Habits)})
        self._ranges = saved["ranges"]
        self._natures = self._natures_of(self._habits)
        self._held, self._run, self._missing = saved["held"], saved["run"], saved["missing"]
        self._last_step, self._last_ns = saved["last_step"], int(saved["last_ns"].max(initial=_NEVER))
        self._big, self._wild, self._turned = (saved[name].T for name in ("big", "wild", "turned"))
        self._tail = [_unpadded(row) for row in saved["tail"]]
        self._row = int(saved["row"].max(initial=0))
        numbers = zip(*(saved[name].tolist() for name in _NUMBERS), strict=True)
        lists = zip(saved["before"], saved["post"], strict=True)
        for doubt, (phase, fault, *rest), (before, post) in zip(self._doubts, numbers, lists, strict=True):
            doubt.phase, doubt.fault = Phase(phase), SensorFault(fault)
            for name, number in zip(list(_NUMBERS)[2:], rest, strict=True):
                setattr(doubt, name, number)
            doubt.before, doubt.post = _unpadded(before), _unpadded(post)

    def _state(self) -> Arrays:
        doubts = self._doubts
        return {
            **{f"habit_{one.name}": getattr(self._habits, one.name) for one in fields(Habits)},
            "ranges": self._ranges,
            "held": self._held,
            "run": self._run,
            "missing": self._missing,
            "last_step": self._last_step,
            "last_ns": np.full(len(doubts), self._last_ns),
            "big": self._big.T,
            "wild": self._wild.T,
            "turned": self._turned.T,
            "tail": _padded(self._tail, BEFORE_ROWS),
            "row": np.full(len(doubts), self._row),
            **{name: np.array([getattr(doubt, name) for doubt in doubts], kind) for name, kind in _NUMBERS.items()},
            "before": _padded([doubt.before for doubt in doubts], BEFORE_ROWS),
            "post": _padded([doubt.post for doubt in doubts], POST_ROWS),
        }


def _last(before: list[float], values: Floats) -> list[float]:
    return [*before, *values[-BEFORE_ROWS:].tolist()][-BEFORE_ROWS:]


def _padded(lists: list[list[float]], width: int) -> Floats:
    return np.array([[*one, *[np.nan] * (width - len(one))] for one in lists], np.float64).reshape(len(lists), width)


def _unpadded(row: Floats) -> list[float]:
    return [one for one in row.tolist() if one == one]  # noqa: PLR0124 - NaN fills the rest
