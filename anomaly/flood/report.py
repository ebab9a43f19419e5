"""What alarms ask of one operator: rate, floods, bad actors, chattering, stale. Pure.

    alarms of a site and a period ──report──► figures beside what the standards call good

Sources: ANSI/ISA-18.2-2016 §16 and EEMUA 191 (3rd edition): 144 alarms a day are manageable, 300 the most; a flood
begins with more than 10 alarms in 10 minutes and ends below 5; the ten most frequent alarms make at most 5 % of all;
none chatters; fewer than 5 are stale, which is longer than a day.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=10)
FLOOD_MORE_THAN = 10
FLOOD_ENDS_BELOW = 5
CHATTER_LEAST = 3
CHATTER_WINDOW = timedelta(minutes=1)
STALE_AFTER = timedelta(days=1)
TOP = 10

_Key = tuple[str, str]  # machine, cause


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm that asked somebody: not advice, and not silent by design."""

    machine: str
    cause: str
    priority: str
    raised_at: datetime
    cleared_at: datetime | None

    @property
    def key(self) -> _Key:
        return self.machine, self.cause


@dataclass(frozen=True, slots=True)
class Flood:
    """From the first alarm of it to the moment when fewer than 5 in 10 minutes came; `most` in 10 minutes."""

    since: datetime
    until: datetime
    alarms: int
    most: int


@dataclass(frozen=True, slots=True)
class Actor:
    """One cause on one machine, how often it was told, and its share of all."""

    machine: str
    cause: str
    alarms: int
    share: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a period. in_flood: share of the time."""

    alarms: int
    per_day: float
    most_in_10_min: int
    floods: list[Flood]
    in_flood: float
    top: list[Actor]
    chattering: list[Actor]
    stale: list[Told]
    priorities: dict[str, float]


def report(told: Iterable[Told], since: datetime, until: datetime) -> Report:
    """The figures of the alarms that were raised in a period, and of those that were still there in it."""
    everything = sorted(told, key=lambda one: one.raised_at)
    alarms = [one for one in everything if since <= one.raised_at < until]
    found = floods([one.raised_at for one in alarms], until)
    times = [one.raised_at for one in alarms]
    return Report(
        alarms=len(alarms),
        per_day=len(alarms) / ((until - since) / timedelta(days=1)),
        most_in_10_min=max((_within(times, number) for number in range(len(times))), default=0),
        floods=found,
        in_flood=sum((flood.until - flood.since for flood in found), timedelta()) / (until - since),
        top=_actors(alarms, Counter(one.key for one in alarms))[:TOP],
        chattering=_actors(alarms, _chattering(alarms)),
        stale=[one for one in everything if _end(one, until) - one.raised_at > STALE_AFTER],
        priorities=_shares(alarms),
    )


def floods(times: Sequence[datetime], until: datetime) -> list[Flood]:
    """The floods in rising times; one that lasts at `until` ends there."""
    found: list[Flood] = []
    first, most = -1, 0  # of the flood that lasts, -1: none does
    for number, at in enumerate(times):
        if first >= 0 and _ebbs(times, number) < at:
            found.append(_flood(times, first, number, most, until))
            first, most = -1, 0
        within = _within(times, number)
        if first < 0 and within > FLOOD_MORE_THAN:
            first = number - within + 1
        most = max(most, within)
    if first >= 0:
        found.append(_flood(times, first, len(times), most, until))
    return found


def _within(times: Sequence[datetime], number: int) -> int:
    """How many came in the ten minutes up to one of them."""
    first = number
    while first > 0 and times[first - 1] > times[number] - WINDOW:
        first -= 1
    return number - first + 1


def _ebbs(times: Sequence[datetime], number: int) -> datetime:
    """When the ten minutes held fewer than five of those before `number`."""
    return times[number - FLOOD_ENDS_BELOW] + WINDOW


def _flood(times: Sequence[datetime], first: int, behind: int, most: int, until: datetime) -> Flood:
    return Flood(times[first], min(_ebbs(times, behind), until), behind - first, most)


def _chattering(alarms: Sequence[Told]) -> Counter[_Key]:
    """How often each was told that was ever told three times in a minute."""
    times: dict[_Key, list[datetime]] = {}
    for one in alarms:
        times.setdefault(one.key, []).append(one.raised_at)
    return Counter(
        {
            key: len(own)
            for key, own in times.items()
            if any(later - at < CHATTER_WINDOW for at, later in zip(own, own[CHATTER_LEAST - 1 :], strict=False))
        }
    )


def _actors(alarms: Sequence[Told], counted: Counter[_Key]) -> list[Actor]:
    return [Actor(machine, cause, n, n / len(alarms)) for (machine, cause), n in counted.most_common()]


def _shares(alarms: Sequence[Told]) -> dict[str, float]:
    return {priority: n / len(alarms) for priority, n in Counter(one.priority for one in alarms).items()}


def _end(one: Told, until: datetime) -> datetime:
    return until if one.cleared_at is None else min(one.cleared_at, until)
