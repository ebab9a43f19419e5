"""What is wrong with a machine: from words or measurements to the three likeliest causes, each with its evidence.

    text ──► vectors ──► similar orders: votes ─┐
                    └──► learned classifier ────┼─► ranked causes, `unknown` among them
    symptoms ──► table of failure modes ────────┘
    rows ──► onset ──► windows ──► known faults ──► the same kind of answer

Nothing here touches a file but `library.py`, which reads the table of failure modes that comes with the package.
"""

from anomaly import AnomalyError

UNKNOWN = "unknown"


class BadLibrary(AnomalyError):
    """The table of failure modes contradicts itself; the message names file, line, row and field."""


class BadHistory(AnomalyError):
    """Nothing can be learned from these orders or episodes; the message says what is missing."""
