"""What was handed out against what is stored: how much is missing, there twice, or wrong. Pure.

    truth values ─┐                    ┌─ rows without a value: wrong
    stored rows  ─┴─ series by series ─┴─ values without a row: in a gap the gateway told of, or missing

- Rows of one series and time beyond the first are *duplicated* and looked at no further.
- A truth value belongs to the row (GOOD or UNCERTAIN) of equal value stamped when it arrived: from 5 ms before it was
  served until the read time-out after. A value that carries its own time belongs to the row of exactly that time.
- A row that says it repeats (UNCERTAIN stale: what a new subscription shows of a value told before) is not matched: it
  has to show the value that was in force at its time, else it is wrong.
- A row that belongs to no truth value is *wrong*. A changed value counts on both sides: the row is wrong, and the truth
  value it replaced is missing.
- A truth value without a row is *in a gap* if a BAD row accounts for it, else *missing*. A row that says that reading
  stopped (time-out, disconnected, stale, overrun, restart) opens a gap up to the next row with a value. What was
  handed out while reading failed lies before the row that tells so: of a polled tag the one answer it waited for,
  within the read time-out; of a subscribed tag all that was on its way, within the time it takes to notice a silent
  line. Any other BAD row (out of range, not a number, …) stands for the one answer it was made from.
- Values after the end mark may still be on their way and are not asked for, nor are values of a subscribed tag before
  its first row: nobody had subscribed yet.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from protocols.sample import Quality, Reason, Value, quality_code
from simulators.matching import Timed, Window, match
from simulators.truth import Series, TruthValue

NS_PER_S = 1_000_000_000
EARLY_NS = 5_000_000
STAMP_NS = 1_000  # a database keeps microseconds
EXAMPLES = 20
_BY_TIME = attrgetter("time_ns")
_REPEATED = quality_code(Quality.UNCERTAIN, Reason.STALE)
_OPENS_A_GAP = frozenset({Reason.TIMEOUT, Reason.DISCONNECTED, Reason.STALE, Reason.RESTART_GAP, Reason.OVERRUN})


class StoredRow(NamedTuple):
    """One row as it is in the database; `value` is None when its quality is BAD."""

    machine: str
    tag: str
    time_ns: int
    value: Value | None
    code: int

    @property
    def bad(self) -> bool:
        return self.code >> 8 >= Quality.BAD

    @property
    def repeats(self) -> bool:
        return self.code == _REPEATED

    @property
    def opens_a_gap(self) -> bool:
        return self.bad and self.code & 0xFF in _OPENS_A_GAP


@dataclass(frozen=True, slots=True)
class Rules:
    """What the audit has to know of gateway and plant. `subscribed`: series whose values carry their own time."""

    read_timeout_s: float = 1.0
    silence_s: float = 30.0
    end_ns: int | None = None
    subscribed: frozenset[Series] = frozenset()


@dataclass(slots=True)
class Audit:
    """The count of everything; clean when nothing is missing, duplicated or wrong."""

    produced: int = 0
    stored: int = 0
    missing: int = 0
    duplicated: int = 0
    wrong: int = 0
    in_gaps: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.missing or self.duplicated or self.wrong)

    def add(self, what: str, series: Series, at: Timed) -> None:
        """Count one fault of that name and keep the first as examples."""
        setattr(self, what, getattr(self, what) + 1)
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{what}: {series[0]}.{series[1]} {at.value!r} at {at.time_ns}")


def audit(truth: Iterable[TruthValue], rows: Iterable[StoredRow], rules: Rules) -> Audit:
    """Compare all that was handed out with all that is stored."""
    produced: dict[Series, list[Timed]] = defaultdict(list)
    stored: dict[Series, list[StoredRow]] = defaultdict(list)
    for machine, tag, time_ns, value in truth:
        produced[machine, tag].append(Timed(time_ns, value))
    for row in rows:
        stored[row[0], row[1]].append(row)
    result = Audit()
    for series in sorted(produced.keys() | stored.keys()):
        _compare(series, produced.get(series, []), stored.get(series, []), rules, result)
    return result


def _compare(series: Series, values: list[Timed], rows: list[StoredRow], rules: Rules, result: Audit) -> None:
    subscribed = series in rules.subscribed
    values.sort(key=_BY_TIME)
    rows = _first_of_each(series, rows, result)
    good = [Timed(row[2], row[3]) for row in rows if not row.bad and not row.repeats]
    for row in rows:
        if row.repeats and not _in_force(values, row):
            result.add("wrong", series, Timed(row[2], row[3]))
    first = next((row for row in rows if not row.bad), None)
    if subscribed and first:
        values = values[bisect_left(values, first.time_ns - STAMP_NS, key=_BY_TIME) :]
    window = Window(STAMP_NS, STAMP_NS) if subscribed else Window(EARLY_NS, round(rules.read_timeout_s * NS_PER_S))
    unmatched = match(values, good, window)
    lost = [values[at] for at in unmatched.values]
    late = sum(value.time_ns > rules.end_ns for value in lost) if rules.end_ns is not None else 0
    lost = lost[: len(lost) - late]
    result.produced += len(values) - late
    result.stored += len(good)
    for at in unmatched.rows:
        result.add("wrong", series, good[at])
    told = _accounted_for(lost, rows, rules, subscribed=subscribed)
    for value, in_gap in zip(lost, told, strict=True):
        if in_gap:
            result.in_gaps += 1
        else:
            result.add("missing", series, value)


def _in_force(values: Sequence[Timed], row: StoredRow) -> bool:
    """Whether the row shows the last value handed out up to its time."""
    at = bisect_right(values, row.time_ns + STAMP_NS, key=_BY_TIME) - 1
    return at >= 0 and values[at].value == row.value


def _first_of_each(series: Series, rows: list[StoredRow], result: Audit) -> list[StoredRow]:
    """The rows by time, one of each; the others are counted."""
    rows.sort(key=_BY_TIME)
    distinct: list[StoredRow] = []
    for row in rows:
        if distinct and distinct[-1][2] == row[2]:
            result.add("duplicated", series, Timed(row[2], row[3]))
        else:
            distinct.append(row)
    return distinct


def _accounted_for(lost: Sequence[Timed], rows: Sequence[StoredRow], rules: Rules, *, subscribed: bool) -> list[bool]:
    """For each value without a row, by time, whether a BAD row tells of it."""
    if not lost:
        return []
    times = [row[2] for row in rows]
    open_after = _open_after(rows)
    reach_ns = round((rules.silence_s if subscribed else rules.read_timeout_s) * NS_PER_S) + EARLY_NS
    spent: set[int] = set()
    told = []
    for value in reversed(lost):  # the answer that a BAD row stands for is the last one before it
        before = bisect_right(times, value.time_ns) - 1
        after = bisect_left(times, value.time_ns - EARLY_NS)
        if before >= 0 and open_after[before]:
            told.append(True)
        elif after < len(rows) and rows[after].bad and times[after] - value.time_ns <= reach_ns:
            told.append((subscribed and rows[after].opens_a_gap) or after not in spent)
            spent.add(after)
        else:
            told.append(False)
    return told[::-1]


def _open_after(rows: Sequence[StoredRow]) -> list[bool]:
    """For each row whether a gap is open from it on."""
    states = []
    is_open = False
    for row in rows:
        is_open = row.bad and (is_open or row.opens_a_gap)
        states.append(is_open)
    return states
