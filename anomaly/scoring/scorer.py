"""One machine from its rows to its cases, streaming: the same in one piece, row by row, or after `restore`.

    rows as they come ──Aligner──► in order ──┬─ Limits ────────────────────────────────┐
                                              └─ that bring something new ──► Judge ────┴──CaseBook──► Verdicts

A row that repeats the row before in every tag brings nothing new: what is said of it is what was said of that row.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState
from anomaly.detectors.state import Arrays, pack
from anomaly.rows import Float64s, Rows
from anomaly.scoring.aligning import Aligner, aligned_block
from anomaly.scoring.columns import arrays_of, joined, picked
from anomaly.scoring.judges import Opinion, judge_for, no_opinion
from anomaly.scoring.limits import Limits
from anomaly.scoring.machine_map import MachineMap, plain
from anomaly.scoring.saved import load, named, part
from anomaly.scoring.verdicts import CaseBook, Verdicts, nothing_said

VERSION = "scorer-2"
LEARN_LEAST = 100  # a shorter learning block is not trusted: …
LEARN_ROWS = 300  # … so many rows are collected instead


class Scorer:
    """The state of one machine with `tags` columns, of which `known` tells more."""

    def __init__(self, tags: int, known: MachineMap | None = None) -> None:
        known = known or plain(tags)
        self._tags = tags
        self._judge = judge_for(known)
        self._limits = Limits(known.limits)
        self._aligner, self._book = Aligner(), CaseBook(known.kinds)
        self._said, self._opinion = nothing_said(1, tags), no_opinion(1, tags)  # of the newest row
        self._before = np.full(tags, np.nan)
        self._pending = Rows(np.zeros(0, np.int64), np.zeros((0, tags)))

    @property
    def ready(self) -> bool:
        """Whether it has learned; until then only limits are judged."""
        return self._judge.ready

    def learn(self, rows: Rows) -> Verdicts:
        """Learn from the first rows, in whatever order they come; what is said of them is limits only."""
        order = aligned_block(rows.time_ns)
        block = Rows(rows.time_ns[order], rows.value[order])
        block = Rows(*_picked(block, self._news(block.value, np.full(self._tags, np.nan))))
        self._pending = block
        self._learn_from(LEARN_LEAST)
        return self._verdicts(rows, learning=True)

    def update(self, rows: Rows) -> Verdicts:
        """What is said of the rows that follow."""
        return self._verdicts(rows, learning=False)

    def _verdicts(self, rows: Rows, *, learning: bool) -> Verdicts:
        counts, rising = self._aligner.update(rows.time_ns)
        kept = Rows(rising[counts], rows.value[counts])
        if len(kept):
            opinion = self._opinions(kept, learning=learning)
            said = self._book.verdicts(opinion, self._limits.update(kept), self._judge.relapse_rows)
        else:
            said = nothing_said(0, self._tags)
        known = joined([self._said, said])
        self._said = picked(known, slice(-1, None))
        return picked(known, np.cumsum(counts))

    def _opinions(self, kept: Rows, *, learning: bool) -> Opinion:
        news = self._news(kept.value, self._before)
        self._before = kept.value[-1].copy()
        fresh = Rows(*_picked(kept, news))
        parts = [self._opinion] + ([no_opinion(len(fresh), self._tags)] if learning else self._judged(fresh))
        known = joined(parts)
        self._opinion = picked(known, slice(-1, None))
        return picked(known, np.cumsum(news))

    def _judged(self, fresh: Rows) -> list[Opinion]:
        if self._judge.ready:
            return [self._judge.update(fresh)] if len(fresh) else []
        taken = fresh.part(0, max(LEARN_ROWS - len(self._pending), 0))
        self._pending = Rows(
            np.r_[self._pending.time_ns, taken.time_ns], np.concatenate([self._pending.value, taken.value])
        )
        self._learn_from(LEARN_ROWS)
        rest = fresh.part(len(taken))
        said = [no_opinion(len(taken), self._tags)]
        return said + (self._judged(rest) if len(rest) else [])

    def _learn_from(self, least: int) -> None:
        if len(self._pending) < least:
            return
        self._judge.learn(self._pending)
        self._pending = self._pending.part(0, 0)

    def _news(self, values: Float64s, before: Float64s) -> NDArray[np.bool_]:
        """Which rows [n] differ from the one before them. One tag may well stand still: there every row counts."""
        if self._tags == 1:
            return np.ones(len(values), bool)
        earlier = np.vstack([before, values[:-1]])
        same = (values == earlier) | (np.isnan(values) & np.isnan(earlier))
        result: NDArray[np.bool_] = ~same.all(axis=1)
        return result

    def snapshot(self) -> bytes:
        """All that was learned and all that runs on."""
        arrays: Arrays = {
            "version": np.array(VERSION), "ready": np.array(self.ready), "before": self._before,
            "pending_ns": self._pending.time_ns, "pending": self._pending.value, "aligner": self._aligner.state(),
        }  # fmt: skip
        parts = {
            "said": arrays_of(self._said), "opinion": arrays_of(self._opinion), "judge": self._judge.arrays(),
            "limits": self._limits.arrays(), "book": self._book.arrays(),
        }  # fmt: skip
        return pack(arrays | {key: one for name, of in parts.items() for key, one in named(name, of).items()})

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        arrays = load(state, VERSION)
        if arrays["before"].shape != self._before.shape:
            raise UnreadableState(f"a scoring state of a machine with {len(arrays['before'])} tags, not {self._tags}")
        self._before = arrays["before"]
        self._pending = Rows(arrays["pending_ns"], arrays["pending"])
        self._aligner.take(arrays["aligner"])
        self._said, self._opinion = Verdicts(**part(arrays, "said")), Opinion(**part(arrays, "opinion"))
        self._judge.take(part(arrays, "judge"))
        self._limits.take(part(arrays, "limits"))
        self._book.take(part(arrays, "book"))


def _picked(rows: Rows, wanted: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Float64s]:
    return rows.time_ns[wanted], rows.value[wanted]
