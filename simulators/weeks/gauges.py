"""What the gauges show of what is: noise, digits, holes, and lies.

truth of each tag ──noise, rounding──► shown ──sensor faults──► with lies ──lost rows and values──► the table
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simulators.weeks.design import Gauge
from simulators.weeks.injections import Injection
from simulators.weeks.world import Floats, World

_NOISE_AT_REST = 0.1  # nothing flows, turns or shakes
_LOST_VALUES = 0.002
_LOST_ROWS = 0.001
_OUTAGES_A_WEEK = 0.5
_CONVERSIONS = ((1000.0, 0.0), (0.001, 0.0), (10.0, 0.0), (14.5038, 0.0), (1.8, 32.0), (60.0, 0.0))


def shown(world: World, gauges: Sequence[Gauge], truth: Mapping[str, Floats], lies: Sequence[Injection]) -> Floats:
    """[minutes, gauges], NaN where a value is lost. What a lie draws, it draws for itself: the rest stays the same."""
    columns = []
    for gauge in gauges:
        true = truth[gauge.name]
        quiet = np.where(np.abs(true) < gauge.noise, _NOISE_AT_REST, 1.0)
        noisy = true + quiet * gauge.noise * world.rng.standard_normal(world.minutes)
        for lie in (lie for lie in lies if lie.root == gauge.name):
            noisy = _lied(noisy, lie, gauge, np.random.default_rng(lie.onset))
        columns.append(np.round(noisy, gauge.digits))
    table = np.column_stack(columns)
    table[world.rng.random(table.shape) < _LOST_VALUES] = np.nan
    for lie in lies:
        if lie.kind == "gap":
            table[lie.onset : lie.end, [gauge.name for gauge in gauges].index(lie.root)] = np.nan
    return table


def kept_rows(world: World) -> NDArray[np.bool_]:
    """[minutes]: which rows arrive; single ones are lost, and half an hour now and then."""
    kept = world.rng.random(world.minutes) >= _LOST_ROWS
    for start in np.flatnonzero(world.rng.random(world.minutes) < _OUTAGES_A_WEEK / 10080).tolist():
        kept[start : start + 30] = False
    kept[0] = True
    return kept


def _lied(value: Floats, lie: Injection, gauge: Gauge, rng: np.random.Generator) -> Floats:
    lying = value.copy()
    span = slice(lie.onset, lie.end)
    rows = lie.end - lie.onset
    if lie.kind == "stuck":
        lying[span] = value[lie.onset]
    elif lie.kind == "range":
        lying[span] = rng.choice([-9999.0, 65535.0, 0.0]) if abs(value[lie.onset]) > 5 * gauge.noise else -9999.0
    elif lie.kind == "rate":
        spikes = rng.random(rows) < 0.1
        lying[span] = np.where(spikes, value[span] + 80 * gauge.noise + 3 * np.abs(value[span]), value[span])
    elif lie.kind == "noise":
        lying[span] = value[span] + 15 * gauge.noise * rng.standard_normal(rows)
    elif lie.kind == "unit_switch":
        gain, offset = _CONVERSIONS[int(rng.integers(len(_CONVERSIONS)))]
        lying[span] = gain * value[span] + offset
    return lying
