"""How often a rule was right, how sure that is, and what follows from it. Pure.

    verdicts ─► right or wrong (not inspected: neither) ─► share and Wilson interval ─► promote, demote, leave

Source of the interval: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
American Statistical Association 22 (1927): unlike ±1.96·σ it stays inside 0 … 1 and is honest for ten verdicts.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeVar

from anomaly.loop.records import Tally

Key = TypeVar("Key", bound=Hashable)

# The newest verdicts by which a rule is judged.
WINDOW = 20
PROMOTE_LEAST = 5
SHARE_LEAST = 0.5
_Z_95 = 1.959964

# What an alarm of a class has to turn out to be, for the alarm to have been right.
_RIGHT = {
    "machine": frozenset({"confirmed_functional", "confirmed_incipient"}),
    "sensor": frozenset({"sensor_fault"}),
    "process": frozenset({"process_change"}),
}


def counts(verdict: str) -> bool:
    """Whether somebody has looked; an alarm that nobody inspected says nothing about the rule."""
    return verdict != "not_inspected"


def is_right(alarm_class: str, verdict: str) -> bool:
    """Whether the alarm said what was found: a machine fault that was a sensor's is wrong."""
    return verdict in _RIGHT[alarm_class]


def wilson(right: int, counted: int) -> tuple[float, float]:
    """The 95 % interval of a share; (0, 1) when nothing was counted."""
    if not counted:
        return 0.0, 1.0
    share, z2 = right / counted, _Z_95**2
    centre = share + z2 / (2 * counted)
    half = _Z_95 * sqrt(share * (1 - share) / counted + z2 / (4 * counted**2))
    scale = 1 + z2 / counted
    return max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0)


@dataclass(frozen=True, slots=True)
class Precision:
    """`right` of `counted` verdicts; those that nobody inspected stand beside them."""

    right: int = 0
    counted: int = 0
    not_inspected: int = 0

    @property
    def share(self) -> float | None:
        return self.right / self.counted if self.counted else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.counted)

    def __add__(self, other: "Precision") -> "Precision":
        return Precision(
            self.right + other.right, self.counted + other.counted, self.not_inspected + other.not_inspected
        )


def by(tallies: Iterable[Tally], key: Callable[[Tally], Key]) -> dict[Key, Precision]:
    """The precision of every group: of each rule, model, class of machines."""
    found: dict[Key, Precision] = {}
    for tally in tallies:
        group = key(tally)
        found[group] = found.get(group, Precision()) + _precision(tally)
    return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What a record asks for, in words that a person can check."""

    standing: str
    reason: str


def decide(standing: str, newest: Sequence[bool]) -> Decision | None:
    """What follows for a rule from its newest verdicts (True: right), at most `WINDOW` of them; None: nothing.

    Demoted with fewer than half right of a full window. Promoted when at least half right is certain at 95 %: five of
    five do, and so do seven of eight.
    """
    right, counted = sum(newest), len(newest)
    lower, upper = wilson(right, counted)
    told = f"{right} of the last {counted} verdicts were right (95 % interval {lower:.0%} to {upper:.0%})"
    if standing == "trusted" and counted >= WINDOW and right / counted < SHARE_LEAST:
        return Decision("advisory", f"{told}: fewer than half, so its alarms are advice from now on")
    if standing == "advisory" and counted >= PROMOTE_LEAST and lower >= SHARE_LEAST:
        return Decision("trusted", f"{told}: surely more than half, so its alarms ask for work from now on")
    return None


def first_standing(source: str) -> str:
    """Of a rule without a record: a limit was set by a person, a statistical detector has to earn it."""
    return "trusted" if source == "limit" else "advisory"


def priority_of(source: str, asked: str, standing: str, promoted: str) -> str:
    """The priority an alarm gets.

    promoted: of a trusted statistical rule that asks for nothing itself. A critical limit is never made quiet by a
    record: a person may change the limit.
    """
    if source == "limit" and asked == "critical":
        return asked
    if standing == "advisory":
        return "advisory"
    return promoted if source != "limit" and asked == "advisory" else asked


def _precision(tally: Tally) -> Precision:
    if not counts(tally.verdict):
        return Precision(not_inspected=tally.n)
    return Precision(tally.n if is_right(tally.alarm_class, tally.verdict) else 0, tally.n)
