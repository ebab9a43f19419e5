"""Machines as Sparkplug devices: which tags each has, and whether it answers. Pure.

A machine answers when one of its tags that are read says anything but: no answer, no line, nothing since the start.
A refused address or a value out of range is an answer.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edge_gateway.catalog import Numbering
from edge_gateway.sparkplug.table import UNHEARD, Row
from protocols.sample import Reason, bad

_SILENT = (Reason.TIMEOUT, Reason.DISCONNECTED, Reason.STALE, Reason.OVERRUN, Reason.RESTART_GAP)
_NO_ANSWER = np.array([UNHEARD, *map(bad, _SILENT)], np.uint16)
_NOTHING_SAID = np.array([UNHEARD, bad(Reason.RESTART_GAP)], np.uint16)


class Machines:
    """`aliases`: the reported tags of each machine, in order."""

    def __init__(self, numbering: Numbering) -> None:
        tags = numbering.catalog.tags
        self._machine_of = [tag.machine for tag in tags]
        self.aliases: dict[str, list[int]] = {}
        for tag in tags:
            self.aliases.setdefault(tag.machine, []).append(tag.alias)
        read = {alias for numbered in numbering.devices for alias in numbered.aliases}
        self._witnesses: dict[str, NDArray[np.intp]] = {
            machine: np.array([alias for alias in aliases if alias in read] or aliases, np.intp)
            for machine, aliases in self.aliases.items()
        }

    @property
    def names(self) -> Iterable[str]:
        return self.aliases

    def answers(self, machine: str, code: NDArray[np.uint16]) -> bool:
        """`code`: the newest quality code of each tag."""
        return not np.isin(code[self._witnesses[machine]], _NO_ANSWER).all()

    def heard_all(self, code: NDArray[np.uint16]) -> bool:
        return not any(np.isin(code[aliases], _NOTHING_SAID).all() for aliases in self._witnesses.values())

    def sorted_out(self, rows: Iterable[Row]) -> dict[str, list[Row]]:
        """The rows of each machine, in their order."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(self._machine_of[row.alias], []).append(row)
        return found
