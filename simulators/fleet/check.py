"""What is stored against what the plan says, sample by sample and slice by slice, so that no size is too large.

plan ──scans of a window──► Expected ─┐
                                      ├─ compared, one series at a time ──► Account: missing, duplicated, wrong
telemetry.samples ──► Rows of a slice ┘
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from database.pool import Connection, set_tenant
from database.queries import load_queries
from protocols.sample import GOOD
from simulators import SimulatorsError
from simulators.fleet.machine_data import Grid, MachineData
from simulators.fleet.plan import FleetPlan
from simulators.fleet.stored import (
    NO_ROWS,
    Rows,
    Series,
    SetAside,
    count_outside,
    count_set_aside,
    find_rows,
    find_series,
)

queries = load_queries(__file__)

Scans = NDArray[np.int64]

_CELLS = 2_000_000
_WINDOW_S = 3600


class UnknownFleet(SimulatorsError):
    """The database does not know the fleet's tenant; register it before it plays."""


@dataclass(frozen=True, slots=True)
class Account:
    """Counted in samples. `produced` leaves out what was damaged on purpose; a row that nobody made is `wrong`."""

    produced: int
    stored: int
    missing: int
    duplicated: int
    wrong: int
    set_aside: SetAside


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one gateway in one window, by scan: when, of what quality, and whether it has to be there at all."""

    first: int
    time_us: NDArray[np.int64]
    code: NDArray[np.uint16]
    there: NDArray[np.bool_]
    values: Grid


@dataclass(slots=True)
class _Tally:
    stored: int = 0
    found: int = 0
    duplicated: int = 0
    wrong: int = 0

    def add(self, plan: FleetPlan, rows: Rows, expected: Expected, tag: int) -> None:
        scan = plan.scan_at(rows.time_us) - expected.first
        value = expected.values[scan, tag]
        right = (
            expected.there[scan]
            & (rows.time_us == expected.time_us[scan])
            & (rows.code == expected.code[scan])
            & ((rows.value == value) | (np.isnan(rows.value) & np.isnan(value)))
        )
        times = np.bincount(scan, minlength=len(expected.there))[expected.there]
        self.stored += len(scan)
        self.found += int(np.count_nonzero(times))
        self.duplicated += int(np.maximum(times - 1, 0).sum())
        self.wrong += int(np.count_nonzero(~right))


async def check(
    connection: Connection, plan: FleetPlan, made: NDArray[np.int64], windows_most: int | None = None
) -> Account:
    """Compare every sample, in the caller's transaction, as owner. `made[g]`: gateway g made batches 0 … made[g] - 1.

    `windows_most`: only so many stretches of time, evenly spread, when there would be more.

    Raises:
        UnknownFleet: nothing is known of its tenant.
    """
    await enter(connection, plan)
    series = await find_series(connection)
    comparison = _Comparison(plan, made)
    for window in _some(list(_windows(plan, int(made.max(initial=0)) * plan.scans_in_batch)), windows_most):
        comparison.expect(window)
        per_slice = max(1, _CELLS // len(window))
        for first in range(0, len(series.id), per_slice):
            part = series.part(first, first + per_slice)
            rows = await find_rows(connection, part.id.tolist(), *period_ns(plan, window))
            comparison.add(window, part, rows)
    everything = np.arange(plan.scans)
    strange = await count_outside(connection, series.id.tolist(), *period_ns(plan, everything))
    return comparison.account(strange, await count_set_aside(connection))


class _Comparison:
    """Grows by slices."""

    def __init__(self, plan: FleetPlan, made: NDArray[np.int64]) -> None:
        self._plan = plan
        self._made = made
        self._data = MachineData(plan)
        self._tally = _Tally()
        self._produced = 0

    def expect(self, window: Scans) -> None:
        """What was made in this window has to be found in the slices that follow."""
        batches = window // self._plan.scans_in_batch
        scans = sum(int(self._healthy(gateway, batches).sum()) for gateway in range(self._plan.gateways))
        self._produced += scans * self._plan.tags

    def add(self, window: Scans, series: Series, rows: dict[int, Rows]) -> None:
        listed = zip(series.id.tolist(), series.gateway.tolist(), series.tag.tolist(), strict=True)
        for gateway, tags in groupby(listed, key=lambda one: one[1]):
            expected = self._expected(gateway, window)
            for series_id, _, tag in tags:
                self._tally.add(self._plan, rows.get(series_id, NO_ROWS), expected, tag)

    def account(self, strange: int, set_aside: SetAside) -> Account:
        return Account(
            produced=self._produced,
            stored=self._tally.stored + strange,
            missing=self._produced - self._tally.found,
            duplicated=self._tally.duplicated,
            wrong=self._tally.wrong + strange,
            set_aside=set_aside,
        )

    def _expected(self, gateway: int, window: Scans) -> Expected:
        code = self._data.codes(gateway, window)
        values = self._data.values(gateway, window)
        values[code != GOOD] = np.nan
        return Expected(
            first=int(window[0]),
            time_us=self._plan.times_ns(gateway, window) // 1000,
            code=code,
            there=self._healthy(gateway, window // self._plan.scans_in_batch),
            values=values,
        )

    def _healthy(self, gateway: int, batches: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which batches were made and not damaged on the way."""
        healthy: NDArray[np.bool_] = (batches < self._made[gateway]) & ~self._plan.damaged(gateway, batches)
        return healthy


async def enter(connection: Connection, plan: FleetPlan) -> None:
    """From here to the end of the transaction, what is seen is the fleet's, and thousands of series are joined as such.

    Raises:
        UnknownFleet: nothing is known of its tenant.
    """
    row = await (await connection.execute(queries.find_tenant, {"slug": plan.tenant})).fetchone()
    if row is None:
        raise UnknownFleet(f"no tenant {plan.tenant!r} in this database")
    await set_tenant(connection, row[0])
    await connection.execute(queries.many_series)


def _windows(plan: FleetPlan, scans: int) -> Iterator[Scans]:
    """An hour at a time, as packs are; less when even one gateway's values of an hour are too many."""
    length = max(1, min(_WINDOW_S * 1000 // plan.scan_ms, _CELLS // plan.tags))
    for first in range(0, scans, length):
        yield np.arange(first, min(first + length, scans))


def _some(windows: Sequence[Scans], most: int | None) -> Sequence[Scans]:
    """All, or `most` of them: the first, the last and what lies between at even distances."""
    if most is None or len(windows) <= most:
        return windows
    return [windows[place] for place in np.linspace(0, len(windows) - 1, most).astype(int)]


def period_ns(plan: FleetPlan, scans: Scans) -> tuple[int, int]:
    """From the first scan's turn to the end of the last one's."""
    return plan.start_ns + int(scans[0]) * plan.scan_ns, plan.start_ns + (int(scans[-1]) + 1) * plan.scan_ns
