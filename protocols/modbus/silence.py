"""Units that stay silent while others on the line answer: asked so rarely that the others hardly notice.

    unheard(unit, waited) ──► its next turn, nine waits after the turn of the last one          check(unit) ──► NoAnswer

Waiting for silent units takes at most a tenth of the line's time, however many they are, and one waits at a time.
"""

import asyncio
from dataclasses import dataclass

from protocols.modbus.request import NoAnswer

_SILENT_AFTER = 2  # failures in a row
_REST = 9  # seconds for the others, for each second spent waiting


@dataclass(slots=True)
class _Silence:
    """A unit that has not answered lately, why, what the last try cost and when the next one is."""

    why: NoAnswer
    waited_s: float
    failures: int
    next_try_s: float = 0.0


class SilentUnits:
    """Memory of one line with `units` units."""

    def __init__(self, units: int) -> None:
        self._units = units
        self._failing: dict[int, _Silence] = {}
        self._last_turn_s = 0.0

    def check(self, unit: int) -> None:
        """Raises NoAnswer for a silent unit whose turn has not come. If all are silent there is none to be spared."""
        silence = self._failing.get(unit)
        if silence is None or asyncio.get_running_loop().time() >= silence.next_try_s:
            return
        if len(self._silent()) < self._units:
            raise NoAnswer(silence.why.code, f"unit {unit} is silent and is asked again later: {silence.why}")

    def unheard(self, unit: int, waited_s: float, why: NoAnswer) -> None:
        """It took `waited_s` to learn that the unit says nothing."""
        before = self._failing.get(unit)
        self._failing[unit] = silence = _Silence(why, waited_s, before.failures + 1 if before else 1)
        if silence.failures >= _SILENT_AFTER:
            now_s = asyncio.get_running_loop().time()
            turn_s = max(now_s, self._last_turn_s) + _REST * waited_s
            silence.next_try_s = min(turn_s, now_s + _REST * waited_s * len(self._silent()))
            self._last_turn_s = silence.next_try_s

    def heard(self, unit: int) -> None:
        """It answered. Whatever kept it silent may have ended for all, so the others come soon, one after another."""
        silence = self._failing.pop(unit, None)
        if silence is None or silence.failures < _SILENT_AFTER:
            return
        turn_s = asyncio.get_running_loop().time()
        for other in self._silent():
            other.next_try_s = turn_s
            turn_s += 2 * other.waited_s
        self._last_turn_s = turn_s

    def forget(self) -> None:
        """It was the line, not the units."""
        self._failing.clear()

    def _silent(self) -> list[_Silence]:
        return [each for each in self._failing.values() if each.failures >= _SILENT_AFTER]
