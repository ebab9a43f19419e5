"""One tag and what is thought of it, row by row, from the moment something is odd until it is believed again.

       lone impossible step             dead: stuck, range · known ratio: unit switch · absurd: range
calm ───────────────────────► doubted ─────────────────────────────────────────────────► latched
 ▲  ◄──── spike is over, a neighbour moved too, or it lives on at the new level ────┘        │
 └────────────────────────── behaves again ◄─────────────────────────────────────────────────┘
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from anomaly.validity.conversions import explained_by
from anomaly.validity.faults import SensorFault

BEFORE_ROWS = 16
POST_ROWS = 20
_BEFORE_LEAST = 5
_GOOD_ROWS = 3
_OUTSIDE_SPANS = 0.5
_ABSURD_SPANS, _ABSURD_SIZES = 20.0, 5.0
_FAR_GAIN = 9.0
_SURE_SPANS = 2.0  # a lone step out of everything seen: a coarse match will do
_BACK_SHARE = 1 / 3  # of a step that is in doubt: as far as the tag went by itself while it was learned
_SPIKES_LEAST, _SPIKES_WITHIN = 4, 60
# What a device shows that has nothing to show: nought, all nines, the ends of an integer, with and without a decimal.
_NOTHINGS = (0.0, 1.0, 999.0, 999.9, 9999.0, 99999.0, 32767.0, 32768.0, 3276.7, 65535.0, 6553.5)
_SENTINELS = frozenset(sign * size for size in _NOTHINGS for sign in (1, -1))


class Phase(IntEnum):
    """What is thought of the tag."""

    CALM = 0
    DOUBTED = 1
    LATCHED = 2


@dataclass(frozen=True, slots=True)
class Nature:
    """What of a tag's habits is needed here."""

    low: float
    high: float
    tiny: float
    big: float
    lone: float
    scale: float
    dead_rows: float
    wild: float
    least: float  # engineering range, infinite where there is none
    most: float

    def outside(self, value: float) -> float:
        """By how many spans a value lies outside of what has been seen; at most 0 inside."""
        span = max(self.high - self.low, self.scale)
        return max(self.low - value, value - self.high) / span

    def impossible(self, value: float) -> bool:
        """Outside of the instrument's range."""
        return not self.least <= value <= self.most

    def absurd(self, value: float) -> bool:
        """So far from everything seen that no machine brought the tag there in one row."""
        size = max(abs(self.low), abs(self.high))
        return self.outside(value) > _ABSURD_SPANS and abs(value) > _ABSURD_SIZES * size


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of one tag that was measured."""

    row: int  # since the learning block
    value: float
    step: float  # since the last value
    jumps: bool  # such a step that the tag is in doubt unless a neighbour shares it
    shared: bool  # a neighbour has made a big step in this row or just before
    stuck: bool  # flat for longer than its habit
    noisy: bool  # wild alone
    calmed: bool  # its noise is back to normal
    stands: bool  # the machine does, so that every tag goes where it never was at work


@dataclass(slots=True)
class Doubt:
    """The state of one tag."""

    phase: Phase = Phase.CALM
    fault: SensorFault = SensorFault.NONE
    before: list[float] = field(default_factory=list)
    post: list[float] = field(default_factory=list)
    shared: bool = False
    gain: float = 1.0
    offset: float = 0.0
    good: int = 0
    spikes: int = 0
    spike_row: int = -_SPIKES_WITHIN
    withheld: bool = False  # the row just seen is not usable though no fault is named yet

    def see(self, nature: Nature, seen: Seen) -> SensorFault:
        """What is wrong with this row. A doubt is told as RATE where it begins; its rows are withheld until it ends."""
        if self.phase is Phase.LATCHED and self._holds(nature, seen):
            return self.fault
        if self.phase is Phase.DOUBTED:
            self._doubt_on(nature, seen)
        if self.phase is Phase.CALM:
            self._look(nature, seen)
        self.withheld = self.phase is Phase.DOUBTED and (not self.shared or nature.absurd(seen.value))
        if self.phase is Phase.DOUBTED:
            return SensorFault.RATE if self.withheld and len(self.post) == 1 else SensorFault.NONE
        return self.fault

    def _look(self, nature: Nature, seen: Seen) -> None:
        """At a calm tag."""
        if nature.impossible(seen.value):
            self._latch(SensorFault.RANGE)
        elif seen.jumps and self.before:
            self.phase, self.fault = Phase.DOUBTED, SensorFault.NONE
            self.post, self.shared = [seen.value], seen.shared
        elif seen.stuck:
            self._latch(SensorFault.STUCK)
        elif seen.noisy:
            self._latch(SensorFault.NOISE)

    def _doubt_on(self, nature: Nature, seen: Seen) -> None:
        """Back where it came from, or seen for long enough to be judged."""
        self.shared |= seen.shared
        away = abs(seen.value - float(np.median(self.before)))
        if away <= _BACK_SHARE * nature.lone and abs(seen.step) > nature.tiny:
            self._believe()
            self._count_spike(seen.row)
            return
        self.post.append(seen.value)
        if len(self.post) >= nature.dead_rows:
            self._judge(nature, stands=seen.stands)

    def _judge(self, nature: Nature, *, stands: bool) -> None:
        behind = np.array(self.post)
        middle = float(np.median(behind))
        outside = nature.outside(middle)
        conversion = self._conversion(nature, behind)
        far = conversion is not None and max(abs(conversion[0]), 1 / abs(conversion[0])) >= _FAR_GAIN
        dead = float(np.ptp(behind)) <= nature.tiny
        if self.shared and not (nature.absurd(middle) or (far and outside > 1.0 and not stands)):
            self._believe()
        elif dead and outside > _OUTSIDE_SPANS and middle in _SENTINELS:
            self._latch(SensorFault.RANGE)
        elif conversion is not None:
            self.gain, self.offset = conversion
            self._latch(SensorFault.UNIT_SWITCH)
        elif nature.absurd(middle) or (dead and outside > _OUTSIDE_SPANS):
            self._latch(SensorFault.RANGE)
        elif dead:
            self._latch(SensorFault.STUCK)
        elif float(np.median(np.abs(np.diff(behind)))) > nature.wild:
            self._latch(SensorFault.NOISE)
        else:
            self._believe()

    def _conversion(self, nature: Nature, behind: np.ndarray) -> tuple[float, float] | None:
        if len(self.before) < _BEFORE_LEAST:
            return None
        before = np.array(self.before)
        local = 1.4826 * float(np.median(np.abs(before - np.median(before))))
        sure = nature.outside(float(np.median(behind))) > _SURE_SPANS
        return explained_by(before, behind, max(nature.scale, local), sure=sure)

    def _count_spike(self, row: int) -> None:
        """One spike is a row to leave out; several within a short time are a sensor that spits."""
        if self.shared:
            return
        self.spikes = self.spikes + 1 if row - self.spike_row <= _SPIKES_WITHIN else 1
        self.spike_row = row
        if self.spikes >= _SPIKES_LEAST:
            self._latch(SensorFault.NOISE)

    def _latch(self, fault: SensorFault) -> None:
        self.phase, self.fault, self.good = Phase.LATCHED, fault, 0

    def _believe(self) -> None:
        self.phase, self.fault, self.post, self.good = Phase.CALM, SensorFault.NONE, [], 0

    def _holds(self, nature: Nature, seen: Seen) -> bool:
        """Whether the fault goes on; believes the tag again when it has behaved for long enough."""
        self.good = 0 if self._bad(nature, seen) else self.good + 1
        needed = 1 if self.fault in {SensorFault.STUCK, SensorFault.NOISE} else _GOOD_ROWS
        if self.good < needed:
            return True
        self._believe()
        return False

    def _bad(self, nature: Nature, seen: Seen) -> bool:
        if self.fault is SensorFault.STUCK:
            return abs(seen.step) <= nature.tiny
        if self.fault is SensorFault.NOISE:
            if seen.jumps:
                self.spike_row = seen.row
            return not seen.calmed or seen.row - self.spike_row <= _SPIKES_WITHIN
        if self.fault is SensorFault.UNIT_SWITCH:
            return self._converted(nature, seen.value)
        if nature.impossible(seen.value) or nature.absurd(seen.value):
            return True
        return nature.outside(seen.value) > _OUTSIDE_SPANS and abs(seen.step) <= nature.tiny

    def _converted(self, nature: Nature, value: float) -> bool:
        """Whether a value still makes more sense converted back."""
        back = (value - self.offset) / self.gain
        as_is, converted = max(0.0, nature.outside(value)), max(0.0, nature.outside(back))
        if as_is != converted:
            return converted < as_is
        level = float(np.median(self.before))
        return abs(back - level) <= abs(value - level)
