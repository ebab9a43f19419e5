"""How rare must a row be? The budget of false alarms a week picks the threshold, the interval the persistence. Pure.

10,080 rows a week, a tenth of a false alarm a week ──► 10^-5 ──► surprise 5        a row in 3 minutes ──► 4.5
"""

from dataclasses import dataclass

import numpy as np

from anomaly.rows import Int64s

WEEK_S = 604_800.0
FALSE_ALARMS_A_WEEK = 0.1
_SURPRISE_LEAST, _SURPRISE_MOST = 3.5, 5.8
_PERSIST_S = 60.0
_ON_LEAST, _ON_MOST = 3, 8
_OFF_ROWS = 10
_RETURN_SHARE = 0.7
_RELAPSE_S, _RELAPSE_LEAST, _RELAPSE_SHARE = 8 * 3600.0, 100, 0.25  # a shift, at most a quarter of the block


@dataclass(frozen=True, slots=True)
class Budget:
    """When a machine's case opens and closes.

    threshold: the surprise that counts. on_rows: so much evidence, in thresholds, opens a case; a row half at most.
    off_rows: so many rows below `return_share` of the threshold close it.
    relapse_rows: within so many rows the same trouble is the same case.
    """

    threshold: float = 5.8
    on_rows: float = _ON_MOST
    off_rows: int = _OFF_ROWS
    return_share: float = _RETURN_SHARE
    relapse_rows: int = _RELAPSE_LEAST


def budget_for(time_ns: Int64s) -> Budget:
    """The budget for rows that come as often as these do."""
    gaps = np.diff(time_ns) / 1e9
    interval_s = float(np.median(gaps)) if len(gaps) else 1.0
    interval_s = max(interval_s, 1e-6)
    threshold = float(np.log10(WEEK_S / interval_s / FALSE_ALARMS_A_WEEK))
    return Budget(
        threshold=float(np.clip(threshold, _SURPRISE_LEAST, _SURPRISE_MOST)),
        on_rows=float(np.clip(np.ceil(_PERSIST_S / interval_s), _ON_LEAST, _ON_MOST)),
        relapse_rows=int(max(min(_RELAPSE_S / interval_s, _RELAPSE_SHARE * len(time_ns)), _RELAPSE_LEAST)),
    )
