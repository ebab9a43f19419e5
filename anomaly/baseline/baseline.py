"""How unlike itself is each tag, judged alone, and is that an alarm? numpy only.

    Rows ──season off──► Level, Drift: statistics ──Tail of each──► surprise, rarity ──Onsets──► alarm
      └──every 16 rows──► what has been judged is learned

Blocks are counted from the first row the detector ever saw, so the cut of the input makes no difference, and a row is
judged by what was known before its block. About 7 KB a tag.
"""

import numpy as np

from anomaly.baseline.clock import Clock
from anomaly.baseline.drift import Drift
from anomaly.baseline.habit import Habit
from anomaly.baseline.held import BLOCK_ROWS, Held
from anomaly.baseline.judgement import Judgement, largest, of_several
from anomaly.baseline.level import STATISTICS, Level
from anomaly.baseline.onsets import Onsets, limit
from anomaly.baseline.saved import Part, pack_parts, unpack_parts
from anomaly.baseline.season import DAY_S, WEEK_S, Season
from anomaly.baseline.tail import Tail
from anomaly.detectors.block import Float64s
from anomaly.rows import Rows

VERSION = "baseline-1"
_SETTLED_ROWS = 48.0
_REFRESH_BLOCKS_MOST = 8
_TOLD_ROWS = 48.0  # how long a drift is an alarm
_NORMAL_ROWS = 1000.0  # the level's memory: a drift that has stayed so long is normal, a leap so long ago is over
_SHARES = np.log10([1.0, 1.0, 1.0, 0.1, 0.1])  # of the budget: burst, short, long, restless, drift
_LARGEST = 1e150
_NS = 1e9


class Baseline:
    """The detector of single tags of one machine; `tags` columns, fixed."""

    def __init__(self, tags: int) -> None:
        self._tags = tags
        self._habit, self._level, self._drift = Habit(tags), Level(tags), Drift(tags)
        self._day, self._week = Season(tags, DAY_S, 96), Season(tags, WEEK_S, 168)
        self._tail = Tail((tags, STATISTICS + 1))
        self._clock, self._held = Clock(), Held(tags, STATISTICS + 1)
        self._onsets, self._drifts = Onsets(tags), Onsets(tags, _TOLD_ROWS)
        self._expected = np.full(tags, np.nan)

    def learn(self, rows: Rows) -> None:
        """Take in the training block; nothing is said about it."""
        self.judge(rows)

    def update(self, rows: Rows) -> Float64s:
        """The surprise [n, k] of the rows that follow."""
        return self.judge(rows).surprise

    def judge(self, rows: Rows) -> Judgement:
        """Surprise, rarity and alarm of the rows that follow."""
        second = rows.time_ns / _NS
        value = np.where(np.abs(rows.value) < _LARGEST, rows.value, np.nan)
        judged: list[Judgement] = []
        at = 0
        while at < len(rows):
            stop = min(at + self._held.room, len(rows))
            judged.append(self._judge(second[at:stop], value[at:stop]))
            at = stop
        return Judgement.joined(judged, self._tags)

    def expected(self) -> Float64s:
        """[k], what the newest row was expected to be; NaN before the first."""
        return self._expected

    def band(self) -> Float64s:
        """[k], how far from `expected` one standard deviation reaches."""
        return self._level.scale

    def snapshot(self) -> bytes:
        """All that was learned and all that runs on."""
        return pack_parts(VERSION, self._parts())

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        unpack_parts(state, VERSION, self._parts())

    def _judge(self, second: Float64s, value: Float64s) -> Judgement:
        """Rows that end within a block."""
        step_s = self._clock.step_s
        usual = self._day.expected(second, step_s) + self._week.expected(second, step_s)
        self._expected = self._level.level + usual[-1]
        drift = np.where(np.isnan(value), np.nan, self._drift.statistic)
        statistic = np.concatenate([self._level.judge(value - usual), drift[..., None]], axis=-1)
        surprises, rarities = self._tail.judge(statistic)
        talks = np.where(self._tail.ready[:, 0], np.where(self._habit.silent, 0.0, 1.0), np.nan)
        rarities = np.maximum(rarities + _SHARES, 0.0) * talks[:, None]
        least = limit(step_s, self._tail.seen[:, 0])
        leap, calm = self._onsets.follow(largest(rarities[..., :-1]), least)
        creep, _ = self._drifts.follow(np.where(calm < _NORMAL_ROWS, 0.0, rarities[..., -1]), least)
        if self._held.add(second, value, statistic):
            self._learn()
        return Judgement(of_several(surprises) * talks, largest(rarities), leap | creep)

    def _learn(self) -> None:
        """Learn the block that has become full."""
        second, value = self._held.second, self._held.value
        self._clock.tick(second)
        step_s = self._clock.step_s
        daily = self._day.expected(second, step_s)
        usual = daily + self._week.expected(second, step_s)
        plain = value - usual
        settled = self._level.seen > _SETTLED_ROWS
        self._tail.learn(np.where(settled[:, None], self._held.statistic.astype(np.float64), np.nan))
        deviation = np.where(settled, value - self._level.level, np.nan)
        self._day.learn(second, deviation, self._level.wide, step_s)
        self._week.learn(second, deviation - daily, self._level.wide, step_s)
        self._level.learn(plain, usual, self._day.saving(step_s) * self._week.saving(step_s))
        self._drift.learn(plain, self._level.level, self._level.scale)
        self._drift.restart(self._drifts.age >= _NORMAL_ROWS, self._level.now)
        self._habit.learn(value)
        blocks = self._clock.rows // BLOCK_ROWS
        if blocks % min(1 + blocks // 24, _REFRESH_BLOCKS_MOST) == 0:
            self._tail.refresh()

    def _parts(self) -> dict[str, Part]:
        return {
            "habit": self._habit, "level": self._level, "drift": self._drift, "day": self._day, "week": self._week,
            "tail": self._tail, "clock": self._clock, "held": self._held, "onsets": self._onsets,
            "drifts": self._drifts,
        }  # fmt: skip
