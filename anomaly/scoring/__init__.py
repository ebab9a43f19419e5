"""From rows to cases: what `linewright score` does with an export, and what a service does with a machine.

Rows ──Validity──► holes ──Modes──► mode ──Joint of that mode──► surprise ──budget, persistence──► alarm
            │                                    └──────────shares──────────► Attribution ──► case, root tag first
            └──► sensor faults: cases of their own
"""

from anomaly import AnomalyError


class BadMachineMap(AnomalyError):
    """The machine map contradicts itself or the table; the message says where."""
