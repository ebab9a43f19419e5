"""What a case costs, from what is stored: power and output of its machine before the onset and since.

Inside the caller's transaction, whose tenant is already set.
"""

from datetime import datetime, timedelta

import numpy as np

from anomaly.energy import NotEnoughData
from anomaly.energy.excess import Excess, Load, excess
from anomaly.loop.effect import GUARD, blocks
from anomaly.records import Alarm
from database.pool import Connection
from database.queries import load_queries
from ingest_service.history import history

queries = load_queries(__file__)

SPAN = timedelta(days=7)
_STEP = timedelta(minutes=10)
# Which tags are power and which are output is told by their units.
_POWER_KW = {"W": 1e-3, "kW": 1.0, "MW": 1e3}
_PER_H = {"h": 1.0, "min": 60.0, "s": 3600.0}
_MADE = frozenset({"m³", "m3", "Nm³", "Nm3", "L", "l", "kg", "t", "pcs", "parts", "ea", "件", "个"})


async def case_excess(conn: Connection, alarm: Alarm, now: datetime) -> tuple[Excess, bool]:
    """The excess power since the onset, and whether the output explains it.

    Raises:
        NotEnoughData: the machine has no one tag of power, or too little was measured.
    """
    tags = await (await conn.execute(queries.numbers_of_machine, {"machine_id": alarm.machine_id})).fetchall()
    power = [(series, _POWER_KW[unit]) for series, unit in tags if unit in _POWER_KW]
    output = [(series, factor) for series, unit in tags if (factor := _per_h(unit))]
    if len(power) != 1:
        raise NotEnoughData(f"{len(power)} tags of this machine have a unit of power; one is needed")
    chosen = output if len(output) == 1 else []
    since = alarm.onset_at
    until = min(alarm.cleared_at or now, since + SPAN)
    before = await _load(conn, power + chosen, since - GUARD - SPAN, since - GUARD)
    return excess(before, await _load(conn, power + chosen, since, max(until, since + _STEP))), bool(chosen)


async def _load(conn: Connection, wanted: list[tuple[int, float]], since: datetime, until: datetime) -> Load:
    n = max(int((until - since) / _STEP), 2)
    found = await history(conn, [series for series, _ in wanted], since, until, max(n, 2))
    power, *output = (
        factor
        * blocks(found.series[one].time_ms / 1000, found.series[one].mean, since.timestamp(), until.timestamp(), n)
        for one, factor in wanted
    )
    return Load(np.asarray(power), np.asarray(output[0]) if output else None)


def _per_h(unit: str) -> float | None:
    """What makes a rate one an hour; None: it is no rate of something that is made."""
    made, _, per = unit.partition("/")
    return _PER_H.get(per) if made in _MADE else None
