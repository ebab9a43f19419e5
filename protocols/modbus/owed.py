"""Answers that may still come on a line where answers have no number (RTU).

    no answer in time ──► the unit owes one ──echo──► settled: what it sends now is newer

A unit answers one question after another. So once it has answered an echo (function 8, with a number of ours), or has
refused that function, no answer to an earlier question can follow, however late it is. A refusal has no number: one
may be that of an echo asked before the question, so as many refusals as there were such echoes prove nothing. Many
small devices ignore function 8: for those nothing is asked nor believed until five time-outs after the question.
"""

import asyncio
from dataclasses import dataclass

_WAIT_TIMEOUTS = 5
_WAIT_TIMEOUTS_ECHOING = 60  # not for ever: it may have been replaced by another device
_DEAF_AFTER = 3


@dataclass(slots=True)
class _Debt:
    """Until when a unit may send an old answer, and what is known of its echo."""

    until_s: float = 0.0
    asked_for_echo: bool = False
    has_echoed: bool = False
    vain: int = 0
    """Debts in a row that only time settled."""
    echoes_open: int = 0
    """Asked for and neither sent nor refused."""
    strays: int = 0
    """Those of them that were asked for before the question that is owed."""


class OwedAnswers:
    """Memory of one line."""

    def __init__(self) -> None:
        self._debts: dict[int, _Debt] = {}

    def add(self, unit: int, timeout_s: float) -> None:
        """It is asked something now; unless `answered` follows, it owes the answer."""
        debt = self._debts.setdefault(unit, _Debt())
        echoes = debt.has_echoed and debt.vain < _DEAF_AFTER
        wait_timeouts = _WAIT_TIMEOUTS_ECHOING if echoes else _WAIT_TIMEOUTS
        debt.until_s = asyncio.get_running_loop().time() + wait_timeouts * timeout_s
        debt.strays = debt.echoes_open

    def owes(self, unit: int) -> bool:
        """Whether an answer to an earlier question may still come."""
        debt = self._debts.get(unit)
        return debt is not None and asyncio.get_running_loop().time() < debt.until_s

    def ask_for_echo(self, unit: int) -> bool:
        """False for a unit that seems to ignore it: only time helps."""
        debt = self._debts[unit]
        debt.asked_for_echo = debt.vain < _DEAF_AFTER
        debt.echoes_open += debt.asked_for_echo
        return debt.asked_for_echo

    def echoed(self, unit: int) -> None:
        """Nothing older can come any more."""
        self._debts[unit] = _Debt(has_echoed=True)

    def refused_echo(self, unit: int) -> bool:
        """Whether nothing older can come any more: it was not an echo from before the question that it refused."""
        debt = self._debts[unit]
        debt.echoes_open -= 1
        if debt.strays:
            debt.strays -= 1
            return False
        debt.until_s, debt.asked_for_echo = 0.0, False
        return True

    def answered(self, unit: int) -> None:
        """It answered a question for certain."""
        debt = self._debts[unit]
        debt.vain += debt.asked_for_echo
        debt.until_s, debt.asked_for_echo = 0.0, False
        debt.echoes_open = debt.strays = 0
