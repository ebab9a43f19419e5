"""The quick look: of every series, how many samples there are and what they add up to, by rollups, against the plan.

It finds what is missing, doubled or changed, but not which sample it is; `check` does, and takes far longer.
"""

import math

import numpy as np
from numpy.typing import NDArray

from database.pool import Connection
from protocols.sample import GOOD
from simulators.fleet.check import enter, period_ns
from simulators.fleet.machine_data import MachineData
from simulators.fleet.plan import FleetPlan
from simulators.fleet.stored import Sums, find_series, find_sums

_CELLS = 2_000_000
_SERIES_AT_ONCE = 100_000
_NOTHING = Sums(0, 0, 0.0)
# Adding in another order.
_ROUNDING = 1e-9


async def differing_series(connection: Connection, plan: FleetPlan, made: NDArray[np.int64]) -> list[int]:
    """Series that do not add up, in the caller's transaction, as owner; those without a tag count as -1.

    Raises:
        UnknownFleet: nothing is known of the fleet's tenant.
    """
    await enter(connection, plan)
    series = await find_series(connection)
    found: dict[int, Sums] = {}
    for first in range(0, len(series.id), _SERIES_AT_ONCE):
        some = series.part(first, first + _SERIES_AT_ONCE).id.tolist()
        found |= await find_sums(connection, some, *period_ns(plan, np.arange(plan.scans)))
    by_place = {(g, tag): series_id for series_id, g, tag in zip(*(one.tolist() for one in series), strict=True)}
    return [
        by_place.get((gateway, tag), -1)
        for gateway in range(plan.gateways)
        for tag, expected in enumerate(_expected(plan, gateway, int(made[gateway])))
        if not _same(found.get(by_place.get((gateway, tag), -1), _NOTHING), expected)
    ]


def _expected(plan: FleetPlan, gateway: int, batches: int) -> list[Sums]:
    data, good, bad = MachineData(plan), 0, 0
    total = np.zeros(plan.tags)
    per_step = max(1, _CELLS // plan.samples_in_batch)
    for first in range(0, batches, per_step):
        step = np.arange(first, min(first + per_step, batches))
        healthy = step[~plan.damaged(gateway, step)]
        scans = (healthy[:, None] * plan.scans_in_batch + np.arange(plan.scans_in_batch)).ravel()
        fine = data.codes(gateway, scans) == GOOD
        total += data.values(gateway, scans)[fine].sum(axis=0)
        good += int(np.count_nonzero(fine))
        bad += int(np.count_nonzero(~fine))
    return [Sums(good, bad, one) for one in total.tolist()]


def _same(found: Sums, expected: Sums) -> bool:
    counted = (found.good, found.bad) == (expected.good, expected.bad)
    return counted and math.isclose(found.total, expected.total, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
