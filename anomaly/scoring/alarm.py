"""Persistence and hysteresis: from a surprise a row to a state that a person can live with. Pure.

    above the threshold: evidence += surprise / threshold, half of on_rows at most ──► on_rows ──► active
    below 70 % of it for off_rows rows ──► not active              a row that says nothing changes nothing

Source: ISA-18.2-2016 §10.5: on-delay, off-delay and deadband against chattering alarms.
"""

import math
from dataclasses import dataclass

from anomaly.scoring.budget import Budget

ROWS_LEAST = 2  # to open a case, however wild they are: one row is an outlier


@dataclass(slots=True)
class AlarmState:
    """Where a case stands: `active`, or with `evidence` > 0 on the way there."""

    active: bool = False
    evidence: float = 0.0
    calm_rows: int = 0

    def step(self, surprise: float, budget: Budget, rows_least: int = ROWS_LEAST) -> None:
        """Take a row in; a case takes `rows_least` rows, however wild they are."""
        if math.isnan(surprise):
            return
        if self.active:
            self.calm_rows = self.calm_rows + 1 if surprise < budget.return_share * budget.threshold else 0
            if self.calm_rows >= budget.off_rows:
                self.active, self.evidence, self.calm_rows = False, 0.0, 0
        elif surprise > budget.threshold:
            self.evidence += min(surprise / budget.threshold, budget.on_rows / rows_least)
            self.active = self.evidence >= budget.on_rows
        else:
            self.evidence = 0.0
