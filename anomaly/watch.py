"""One machine under watch: its detectors, what their signals mean, its open cases. Pure.

Block ──update──► limits, robust ──Signal──► CaseBook ──► CaseChange
"""

from collections.abc import Iterable, Mapping, Sequence

from anomaly import UnreadableState
from anomaly.cases import CaseBook
from anomaly.detectors import limits as limit_detector
from anomaly.detectors import robust as robust_detector
from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitDetector, Transition
from anomaly.detectors.robust import RobustDetector
from anomaly.records import PRIORITIES, ActiveAlarm, Case, CaseChange, CauseRule, Signal, Tag

# What a statistical detector can say of a tag: only that it is unlike itself.
UNUSUAL = "unusual_behaviour"
MODEL_VERSION = {"limit": limit_detector.VERSION, "statistical": robust_detector.VERSION}
DETECTORS = {"limits": limit_detector.VERSION, "robust": robust_detector.VERSION}


class MachineWatch:
    """What is known of a machine while samples come in."""

    def __init__(self, tags: Iterable[Tag], rules: Iterable[CauseRule]) -> None:
        self._book = CaseBook()
        self._set_plant(tags, rules)
        self._limits = LimitDetector(rule.limit for rule in self._rules.values())
        self._robust = RobustDetector(self._float_series())

    def _set_plant(self, tags: Iterable[Tag], rules: Iterable[CauseRule]) -> None:
        self._tags = {tag.series: tag for tag in tags}
        self._rules = {rule.limit.key: rule for rule in rules if rule.limit.series in self._tags}

    def _float_series(self) -> list[int]:
        return [tag.series for tag in self._tags.values() if tag.kind == "float"]

    @property
    def rules(self) -> frozenset[CauseRule]:
        return frozenset(self._rules.values())

    def tag(self, slug: str) -> Tag | None:
        return next((tag for tag in self._tags.values() if tag.slug == slug), None)

    def knows(self, series: int) -> bool:
        return series in self._tags

    def limits_of(self, series: int) -> dict[str, float]:
        """Kind → threshold, for the evidence."""
        own = (rule.limit for rule in self._rules.values() if rule.limit.series == series)
        return {limit.kind: limit.threshold for limit in own}

    def expected(self, series: int) -> float | None:
        """What the baseline expects; None when it has none."""
        return self._robust.expected(series) if series in self._robust.series else None

    def update(self, block: Block) -> list[CaseChange]:
        """Take live samples in; what changes for the cases."""
        signals = [self._of_limit(transition) for transition in self._limits.update(block)]
        signals += [self._of_robust(transition) for transition in self._robust.update(block)]
        return self._book.apply(sorted(signals, key=lambda signal: signal.time_ns))

    def set_plant(self, tags: Iterable[Tag], rules: Iterable[CauseRule], now_ns: int) -> list[CaseChange]:
        """Take other tags and limits; an active limit that is gone leaves its case."""
        before = self._rules
        self._set_plant(tags, rules)
        gone = self._limits.replace(rule.limit for rule in self._rules.values())
        if set(self._robust.series) != set(self._float_series()):
            learned, self._robust = self._robust.snapshot(), RobustDetector(self._float_series())
            self._robust.restore(learned)
        return self._book.apply([_left(key, before[key].cause, now_ns) for key in sorted(gone)])

    def relearn(self, slugs: Iterable[str], now_ns: int) -> list[CaseChange]:
        """A person has said that this is normal now: forget what it was like before."""
        wanted = set(slugs)
        series = [tag.series for tag in self._tags.values() if tag.slug in wanted]
        left = [_left(_robust_key(one), UNUSUAL, now_ns) for one in series if one in self._robust.active]
        self._robust.relearn(series)
        return self._book.apply(left)

    def rewind(self) -> None:
        """Believe any time again: the clock of the gateway was set back."""
        self._limits.rewind()
        self._robust.rewind()

    def states(self) -> dict[str, bytes]:
        """What the detectors have learned, by detector."""
        return {"limits": self._limits.snapshot(), "robust": self._robust.snapshot()}

    def restore(self, states: Mapping[str, bytes]) -> list[str]:
        """Take over saved states; the names of those that cannot be read and start anew."""
        unreadable = []
        for name, detector in (("limits", self._limits), ("robust", self._robust)):
            try:
                if name in states:
                    detector.restore(states[name])
            except UnreadableState:
                unreadable.append(name)
        return unreadable

    def resume(self, alarms: Sequence[ActiveAlarm], now_ns: int) -> list[CaseChange]:
        """Go on after a restart: the alarms that are stored as active are, and no others.

        Answers with the cases to clear because no detector can hold them any more: their limit is gone, or the
        detector has to learn anew.
        """
        held = {alarm.cause: self._held_by(alarm) for alarm in alarms}
        keys = frozenset(signal.key for signals in held.values() for signal in signals)
        self._limits.assume_active(keys & set(self._rules))
        self._robust.assume_active(frozenset(one for one in self._robust.series if _robust_key(one) in keys))
        for alarm in alarms:
            self._book.resume(alarm.priority, held[alarm.cause])
        return [CaseChange("clear", _case_of(alarm), now_ns) for alarm in alarms if not held[alarm.cause]]

    def _held_by(self, alarm: ActiveAlarm) -> list[Signal]:
        """The limits and series that speak for a stored alarm."""
        tags = [tag for tag in self._tags.values() if tag.slug in alarm.tags]
        if alarm.cause == UNUSUAL:
            ready = (tag for tag in tags if tag.series in self._robust.ready)
            return [_resumed(alarm, _robust_key(tag.series), tag.slug, "statistical", "advisory") for tag in ready]
        mine = {key: rule for key, rule in self._rules.items() if rule.cause == alarm.cause}
        keys = set(mine) & self._limits.active
        if not keys:  # nothing is remembered: every limit of its tags that is not more urgent than the alarm
            least, series = PRIORITIES.index(alarm.priority), {tag.series for tag in tags}
            able = {key for key, rule in mine.items() if rule.limit.series in series}
            keys = {key for key in able if PRIORITIES.index(mine[key].priority) >= least}
        slug = {key: self._tags[mine[key].limit.series].slug for key in keys}
        return [_resumed(alarm, key, slug[key], "limit", mine[key].priority) for key in sorted(keys)]

    def _of_limit(self, told: Transition) -> Signal:
        rule = self._rules[told.key]
        return _signal(told, self._tags[told.series].slug, rule.cause, "limit", rule.priority)

    def _of_robust(self, told: Transition) -> Signal:
        return _signal(told, self._tags[told.series].slug, UNUSUAL, "statistical", "advisory")


def _robust_key(series: int) -> str:
    return f"robust:{series}"


def _signal(told: Transition, tag: str, cause: str, source: str, priority: str) -> Signal:
    return Signal(told.key, tag, cause, source, priority, told.active, told.onset_ns, told.time_ns, told.score)


def _resumed(alarm: ActiveAlarm, key: str, tag: str, source: str, priority: str) -> Signal:
    at_ns = alarm.onset_ns
    return Signal(key, tag, alarm.cause, source, priority, True, at_ns, at_ns, alarm.score)  # noqa: FBT003


def _left(key: str, cause: str, now_ns: int) -> Signal:
    return Signal(key, "", cause, "", PRIORITIES[-1], False, now_ns, now_ns, 0.0)  # noqa: FBT003


def _case_of(alarm: ActiveAlarm) -> Case:
    shares = tuple((tag, 1 / len(alarm.tags)) for tag in alarm.tags)
    return Case(alarm.cause, alarm.source, alarm.priority, alarm.onset_ns, alarm.score, shares)
