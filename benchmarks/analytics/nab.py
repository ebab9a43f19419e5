"""NAB board: alarms on single columns, scored by windows; the same code as `linewright score`, default settings.

    csv ──read_table──► score_table(15 % to learn from) ──onsets──► nab_score.tally ──► lines

Halves: the files of each category in the order of their names, the 1st, 3rd, … to tune on, the 2nd, 4th, … held out.
Beside ours: an alarm in every row, random rows, and NAB's own windowed Gaussian, both at their best threshold for all
files, as NAB's published figures are.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from anomaly.scoring.export import score_table
from anomaly.tables import read_table
from anomaly.tables.table import Table
from benchmarks.analytics.line import Line
from benchmarks.analytics.nab_score import LOW_FN, LOW_FP, Tally, probation, tally, total

WEEK_S = 604_800.0
_SEED = 20
_THRESHOLDS = 60

Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One file: its table and the first and last row of each labelled window."""

    name: str
    table: Table
    windows: tuple[tuple[int, int], ...]

    def tally(self, alarms: Flags) -> Tally:
        time_ns = self.table.time_ns
        return tally(alarms, self.windows, WEEK_S * len(time_ns) / max((time_ns[-1] - time_ns[0]) / 1e9, 1.0))


def run(datasets: Path) -> list[Line]:
    tune, held = load(datasets / "nab")
    ours = {
        half: total(one.tally(alarms(one.table)) for one in series)
        for half, series in zip("th", (tune, held), strict=True)
    }
    simple = {name: detector(tune, held) for name, detector in BASELINES.items()}
    found = ours["h"].found / ours["h"].windows
    return [
        Line("nab", "held-out half, standard score", ours["h"].score(), 60.0, 51.0, "higher",
             {name: one.score() for name, one in simple.items()}, len(held)),
        Line("nab", "held-out half, windows found", found, 0.75, 0.73, "higher",
             {name: one.found / one.windows for name, one in simple.items()}, ours["h"].windows),
        Line("nab", "held-out half, false alarms a series-week", ours["h"].false_per_week, 0.5, 0.99, "lower",
             {name: one.false_per_week for name, one in simple.items()}, len(held)),
        Line("nab", "held-out half, low-FP score", ours["h"].score(LOW_FP)),
        Line("nab", "held-out half, low-FN score", ours["h"].score(LOW_FN)),
        Line("nab", "tuning half, standard score", ours["t"].score(), n=len(tune)),
        Line("nab", "tuning half, windows found", ours["t"].found / ours["t"].windows, n=ours["t"].windows),
        Line("nab", "tuning half, false alarms a series-week", ours["t"].false_per_week, better="lower", n=len(tune)),
    ]  # fmt: skip


def load(folder: Path) -> tuple[list[Series], list[Series]]:
    """The files of both halves."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    names = sorted(path.relative_to(folder / "data").as_posix() for path in folder.glob("data/*/*.csv"))
    halves: tuple[list[Series], list[Series]] = ([], [])
    for _, files in groupby(names, key=lambda name: name.split("/")[0]):
        for number, name in enumerate(files):
            table = read_table(folder / "data" / name)
            halves[number % 2].append(Series(name, table, _rows_of(labels[name], table)))
    return halves


def _rows_of(windows: Sequence[tuple[str, str]], table: Table) -> tuple[tuple[int, int], ...]:
    edges = np.array([[np.datetime64(edge, "ns").astype(np.int64) for edge in window] for window in windows])
    edges = edges.reshape(-1, 2)
    first = np.searchsorted(table.time_ns, edges[:, 0])
    last = np.searchsorted(table.time_ns, edges[:, 1], side="right") - 1
    return tuple(zip(first.tolist(), last.tolist(), strict=True))


def alarms(table: Table) -> Flags:
    """The rows at which `linewright score` begins an alarm."""
    verdicts = score_table(table, probation(len(table)))
    return onsets(verdicts.case > 0)


def onsets(active: Flags) -> Flags:
    """Where a state begins."""
    before = np.concatenate([[False], active[:-1]])
    return np.asarray(active & ~before)


def _always(_: Sequence[Series], held: Sequence[Series]) -> Tally:
    return total(one.tally(np.ones(len(one.table), bool)) for one in held)


def _random(tune: Sequence[Series], held: Sequence[Series]) -> Tally:
    dice = np.random.default_rng(_SEED)
    return _best([*tune, *held], held, lambda table: dice.random(len(table)))


def _windowed_gaussian(tune: Sequence[Series], held: Sequence[Series]) -> Tally:
    return _best([*tune, *held], held, gaussian)


BASELINES: dict[str, Callable[[Sequence[Series], Sequence[Series]], Tally]] = {
    "always": _always, "random": _random, "windowed Gaussian": _windowed_gaussian,
}  # fmt: skip


def gaussian(table: Table) -> Scores:
    """-log10 P(as far from the mean of all rows before, were they normal): windowedGaussian before its window fills."""
    value = table.values[:, 0]
    rows = np.arange(1, len(value) + 1)
    centred = value - value[0]
    mean = np.cumsum(centred) / rows
    spread = np.sqrt(np.maximum(np.cumsum(centred**2) / rows - mean**2, 0.0))
    spread = np.where(spread == 0.0, 1e-6, spread)
    score = np.zeros(len(value))
    score[1:] = -log_ndtr(-np.abs(centred[1:] - mean[:-1]) / spread[:-1]) / np.log(10.0)
    return score


def _best(series: Sequence[Series], held: Sequence[Series], detector: Callable[[Table], Scores]) -> Tally:
    """The tally of `held` at the threshold that is best for all `series`."""
    scored = {one.name: detector(one.table) for one in series}
    levels = np.quantile(np.concatenate(list(scored.values())), 1.0 - np.geomspace(1e-4, 0.05, _THRESHOLDS))

    def at(level: float, some: Sequence[Series]) -> Tally:
        return total(one.tally(scored[one.name] >= level) for one in some)

    return at(max(levels.tolist(), key=lambda level: at(level, series).score()), held)
