"""Engineering limits with deadband, on-delay and off-delay, every rule of every series at once. Pure numpy.

         value beyond the threshold for on_delay ──► active
    value back by the deadband for off_delay ──► not active          in between: as it was

Times are source times, so a rule says the same live and replayed. Source: ISA-18.2-2016 §10.5 (deadband, on- and
off-delay against chattering alarms); EEMUA 191 for starting values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import NEVER, Block, Float64s, Int64s, rounds, starts_of
from anomaly.detectors.state import Arrays, pack, unpack

VERSION = "limits-1"
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One limit of one series; `deadband` is in the tag's unit."""

    key: str
    series: int
    kind: str  # high_high, high, low, low_low
    threshold: float
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0

    @property
    def sign(self) -> int:
        return 1 if self.kind.startswith("high") else -1


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule or a series (`key`) became active or returned to normal.

    onset_ns: source time of the first sample of the condition; time_ns: of the sample that completed the delay.
    score: 1 at the threshold, more beyond it.
    """

    key: str
    series: int
    active: bool
    onset_ns: int
    time_ns: int
    value: float
    score: float


class LimitDetector:
    """The rules of a machine and where each of them stands."""

    def __init__(self, rules: Iterable[LimitRule]) -> None:
        self._start(sorted(rules, key=lambda rule: (rule.series, rule.key)))

    def _start(self, rules: Sequence[LimitRule]) -> None:
        self._rules = tuple(rules)
        self._active = np.zeros(len(rules), bool)
        self._since_ns = np.full(len(rules), NEVER, np.int64)
        self._series = np.unique(np.array([rule.series for rule in rules], np.int64))
        self._row = np.searchsorted(self._series, np.array([rule.series for rule in rules], np.int64))
        self._sign = np.array([rule.sign for rule in rules], np.float64)
        self._threshold = self._sign * np.array([rule.threshold for rule in rules], np.float64)
        self._return = self._threshold - np.array([rule.deadband for rule in rules], np.float64)
        self._on_ns = np.array([round(rule.on_delay_s * _NS) for rule in rules], np.int64)
        self._off_ns = np.array([round(rule.off_delay_s * _NS) for rule in rules], np.int64)
        self._last_ns = np.full(len(self._series), NEVER, np.int64)

    @property
    def rules(self) -> tuple[LimitRule, ...]:
        return self._rules

    @property
    def active(self) -> frozenset[str]:
        """Keys of the rules that are active now."""
        return frozenset(rule.key for rule, on in zip(self._rules, self._active.tolist(), strict=True) if on)

    def update(self, block: Block) -> list[Transition]:
        """Take samples in; what changed, in the order of source time."""
        block, row = block.rows_of(self._series, self._last_ns)
        if not len(block):
            return []
        busy = self._busy(block, row)
        concerned = np.zeros(len(self._series), bool)
        concerned[self._row[busy]] = True
        wanted = concerned[row]
        found: list[Transition] = []
        for at in rounds(row[wanted]):
            found += self._step(busy, row[wanted][at], block.time_ns[wanted][at], block.value[wanted][at])
        self._last_ns[row] = block.time_ns  # of several of a series the last one stays
        return sorted(found, key=lambda transition: (transition.time_ns, transition.key))

    def _busy(self, block: Block, row: Int64s) -> Int64s:
        """The rules that could change: under way already, or with a sample beyond. On a quiet plant there are none."""
        highest, lowest = np.full(len(self._series), -np.inf), np.full(len(self._series), np.inf)
        starts = starts_of(row)
        highest[row[starts]] = np.maximum.reduceat(block.value, starts)
        lowest[row[starts]] = np.minimum.reduceat(block.value, starts)
        farthest = np.where(self._sign > 0, highest[self._row], -lowest[self._row])
        under_way = self._active | (self._since_ns != NEVER)
        could_change: NDArray[np.bool_] = under_way | (farthest > self._threshold)
        return could_change.nonzero()[0]

    def _step(self, busy: Int64s, row: Int64s, time_ns: Int64s, value: Float64s) -> list[Transition]:
        """One sample of each of some series."""
        place = np.full(len(self._series), -1, np.int64)
        place[row] = np.arange(len(row))
        rule = busy[place[self._row[busy]] >= 0]
        at = place[self._row[rule]]
        signed = self._sign[rule] * value[at]
        active = self._active[rule]
        holds = np.where(active, signed <= self._return[rule], signed > self._threshold[rule])
        since = self._since_ns[rule]
        since = np.where(holds, np.where(since == NEVER, time_ns[at], since), NEVER)
        delay = np.where(active, self._off_ns[rule], self._on_ns[rule])
        done = holds & (time_ns[at] - np.where(holds, since, 0) >= delay)
        self._active[rule] = active ^ done
        self._since_ns[rule] = np.where(done, NEVER, since)
        return [
            self._transition(int(rule[i]), int(since[i]), int(time_ns[at[i]]), float(value[at[i]]))
            for i in np.flatnonzero(done)
        ]

    def _transition(self, number: int, onset_ns: int, time_ns: int, value: float) -> Transition:
        rule = self._rules[number]
        over = rule.sign * (value - rule.threshold) / max(abs(rule.threshold), rule.deadband, 1e-9)
        return Transition(
            rule.key, rule.series, bool(self._active[number]), onset_ns, time_ns, value, 1.0 + max(over, 0.0)
        )

    def replace(self, rules: Iterable[LimitRule]) -> frozenset[str]:
        """Take other rules; one that keeps its key keeps its state. Returns the active ones that are gone."""
        before, active = self.snapshot(), self.active
        self._start(sorted(rules, key=lambda rule: (rule.series, rule.key)))
        self.restore(before)
        return active - {rule.key for rule in self._rules}

    def assume_active(self, keys: frozenset[str]) -> None:
        """Make exactly these rules the active ones: what is stored as an alarm counts more than what we remember."""
        wanted = np.array([rule.key in keys for rule in self._rules], bool)
        self._since_ns[wanted != self._active] = NEVER
        self._active = wanted

    def rewind(self) -> None:
        """Believe any time again: the clock of the source was set back."""
        self._last_ns[:] = NEVER

    def snapshot(self) -> bytes:
        """The state; the rules themselves are configuration and not part of it."""
        return pack(self._state())

    def restore(self, state: bytes) -> None:
        """Take over what was saved of the rules that are still here. Raises UnreadableState."""
        saved = unpack(state, self._state())
        at = {key: number for number, key in enumerate(saved["key"].tolist())}
        for number, rule in enumerate(self._rules):
            if rule.key in at:
                self._active[number] = saved["active"][at[rule.key]]
                self._since_ns[number] = saved["since_ns"][at[rule.key]]
                self._last_ns[self._row[number]] = saved["last_ns"][at[rule.key]]

    def _state(self) -> Arrays:
        return {
            "key": np.array([rule.key for rule in self._rules], np.str_),
            "active": self._active,
            "since_ns": self._since_ns,
            "last_ns": self._last_ns[self._row],
        }
