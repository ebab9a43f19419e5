"""From what was read to what is reported. Pure: state and columns in, columns out, the time handed in.

    read ──► bounds ──┬──────────► derived tags ──┐
                      └──────────────────────────►┤
                                                  ├──► windows ──► statistics ────────────────────► out
                                                  └──► deadband, on change ──► least interval ────► out

Derived tags and windows see every read, before anything is thinned.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from edge_gateway.catalog import Numbering
from edge_gateway.shaping.bounds import Bounds
from edge_gateway.shaping.columns import Rounds, part
from edge_gateway.shaping.derived_values import DerivedValues
from edge_gateway.shaping.reports import Reports
from edge_gateway.shaping.shaped import shaped_tags
from edge_gateway.shaping.staleness import Staleness
from edge_gateway.shaping.windows import Windows
from protocols.sample import Column, Columns, ValueKind


class Shape:
    """What is configured for all tags, at work. Times are monotonic."""

    def __init__(self, numbering: Numbering) -> None:
        derivations = numbering.derivations
        tags = shaped_tags([numbered.device for numbered in numbering.devices], derivations, numbering.alias_of)
        kinds = numbering.kinds
        n = len(kinds)
        self._reported = len(numbering.catalog.tags)  # aliases from here on are hidden
        self._rounds = Rounds(n)
        self._bounds = Bounds(n, tags)
        self._derived = DerivedValues(derivations, numbering.alias_of)
        self._staleness = Staleness(numbering, tags)
        self._windows = [Windows(n, kind, tags) for kind in (ValueKind.FLOAT, ValueKind.INT)]
        self._reports = Reports(kinds, tags)
        self._touched = np.zeros(n, np.bool_)
        self._touched[[tag.alias for tag in tags]] = True
        self._touched |= self._derived.is_input
        self.needed = bool(self._touched.any())

    @property
    def withheld(self) -> dict[str, int]:
        """How many samples were not reported so far, by reason."""
        withheld = self._reports.withheld
        late = sum(windows.late for windows in self._windows)
        return {"unchanged": withheld.unchanged, "too_often": withheld.too_often, "late": late}

    def take(self, columns: Columns, now_ns: int) -> Columns:
        """What is reported of a read."""
        if not any(self._touched[column.alias].any() for column in columns):
            return columns
        rounds = self._rounds.deal(columns)
        shaped = (out for dealt in rounds for out in self._shaped(map(self._bounds.take, dealt), now_ns))
        return tuple(out for out in shaped if len(out))

    def _shaped(self, columns: Iterable[Column], now_ns: int) -> Iterator[Column]:
        read = list(columns)
        for column in [*read, *self._derived.take(read, now_ns)]:
            self._staleness.note(column, now_ns)
            for windows in self._windows:
                yield from windows.take(column, now_ns)
            yield from self._reports.take(self._shown(column), now_ns)

    def _shown(self, column: Column) -> Column:
        shown = column.alias < self._reported
        return column if shown.all() else part(column, shown)

    def due(self, now_ns: int) -> Columns:
        """What time alone brings: stale tags, values held back, windows that nothing has ended."""
        stale = self._staleness.overdue(now_ns)
        held = [column for windows in self._windows for column in windows.due(now_ns)]
        return (*self._shaped(stale, now_ns), *held, *self._reports.due(now_ns))

    def rest(self) -> Columns:
        """What is held back when the gateway stops."""
        open_windows = [column for windows in self._windows for column in windows.rest()]
        return (*open_windows, *self._reports.rest())
