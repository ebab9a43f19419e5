"""One case for a machine and a cause, however many tags and detectors speak for it. Pure.

    signals ──apply──► raise (the first tag) · grow (another tag, more urgent) · clear (the last tag has returned)

The tag whose condition began first stands first: it is the likely root, the others followed.
"""

from collections.abc import Iterable

from anomaly.records import PRIORITIES, Case, CaseChange, Signal


class CaseBook:
    """The open cases of one machine."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, Signal]] = {}
        self._priority: dict[str, str] = {}

    @property
    def open(self) -> frozenset[str]:
        """Causes with an open case."""
        return frozenset(self._members)

    def apply(self, signals: Iterable[Signal]) -> list[CaseChange]:
        """Take signals in, in the order of time; what changes for the cases."""
        changes = []
        for signal in signals:
            change = self._join(signal) if signal.active else self._leave(signal)
            if change:
                changes.append(change)
        return changes

    def resume(self, priority: str, members: Iterable[Signal]) -> None:
        """Go on with a case that was raised before a restart."""
        for signal in members:
            self._members.setdefault(signal.cause, {})[signal.key] = signal
            self._priority[signal.cause] = priority

    def _join(self, signal: Signal) -> CaseChange | None:
        members = self._members.setdefault(signal.cause, {})
        fresh = not members
        known_tags = {member.tag for member in members.values()}
        before = self._priority.get(signal.cause, PRIORITIES[-1])
        members[signal.key] = signal
        self._priority[signal.cause] = min(before, signal.priority, key=PRIORITIES.index)
        grown = signal.tag not in known_tags or self._priority[signal.cause] != before
        if not (fresh or grown):
            return None
        return CaseChange("raise" if fresh else "grow", self._case(signal.cause), signal.time_ns)

    def _leave(self, signal: Signal) -> CaseChange | None:
        members = self._members.get(signal.cause, {})
        if signal.key not in members:
            return None
        case = self._case(signal.cause)
        del members[signal.key]
        if members:
            return None
        del self._members[signal.cause], self._priority[signal.cause]
        return CaseChange("clear", case, signal.time_ns)

    def _case(self, cause: str) -> Case:
        members = sorted(self._members[cause].values(), key=lambda member: (member.onset_ns, -member.score, member.key))
        scores: dict[str, float] = {}
        for member in members:
            scores[member.tag] = max(scores.get(member.tag, 0.0), member.score)
        total = sum(scores.values()) or 1.0
        source = "limit" if any(member.source == "limit" for member in members) else members[0].source
        return Case(
            cause, source, self._priority[cause], members[0].onset_ns, max(scores.values()),
            tuple((tag, round(score / total, 4)) for tag, score in scores.items()),
        )  # fmt: skip
