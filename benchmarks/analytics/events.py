"""How alarms and scores are judged against labelled rows, and the simple things they are held against."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of n rows: a score to rank them by, and an alarm."""

    score: Floats
    alarm: Bools


@dataclass(frozen=True, slots=True)
class Figures:
    """Over several files. Shares are 0..1, delays in rows from the first labelled row."""

    precision: float  # mean average precision
    f1: float
    false_share: float  # of the normal rows in alarm
    found: int
    onsets_false: int
    delay: float  # median of those found, NaN where none is


def average_precision(label: Bools, score: Floats) -> float:
    """Area under the precision-recall curve, as steps; ties count together."""
    order = np.argsort(-score, kind="stable")
    label, score = label[order], score[order]
    last = np.r_[score[1:] != score[:-1], True]
    hits = np.cumsum(label)[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / max(int(label.sum()), 1)
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def episodes(active: Bools) -> list[tuple[int, int]]:
    """[start, stop) of every stretch."""
    edges = np.diff(np.r_[0, active.astype(np.int8), 0])
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def judged(labels: list[Bools], said: list[Said]) -> Figures:
    """Judge files of one event each; an onset of an alarm outside of it is false."""
    label, alarm = np.concatenate(labels), np.concatenate([one.alarm for one in said])
    hits, false, missed = int((alarm & label).sum()), int((alarm & ~label).sum()), int((~alarm & label).sum())
    delays, onsets = [], 0
    for truth, one in zip(labels, said, strict=True):
        start, stop = episodes(truth)[0]
        seen = np.flatnonzero(one.alarm[start:stop])
        delays += [int(seen[0])] if len(seen) else []
        onsets += sum(not truth[begin] for begin, _ in episodes(one.alarm))
    return Figures(
        precision=float(np.mean([average_precision(*pair) for pair in _pairs(labels, said)])),
        f1=2 * hits / max(2 * hits + false + missed, 1),
        false_share=false / max(int((~label).sum()), 1),
        found=len(delays),
        onsets_false=onsets,
        delay=float(np.median(delays)) if delays else float("nan"),
    )


def _pairs(labels: list[Bools], said: list[Said]) -> list[tuple[Bools, Floats]]:
    return [(label, one.score) for label, one in zip(labels, said, strict=True)]


def one_tag(values: Floats, train: int, on_rows: int = 10, off_rows: int = 30) -> Said:
    """The largest robust z of all tags, alarmed above 1.5 times the most seen while learning."""
    block = values[:train]
    centre = np.median(block, axis=0)
    spread = 1.4826 * np.median(np.abs(block - centre), axis=0)
    spread = np.where(spread > 0, spread, np.maximum(block.std(axis=0), 1e-9))
    score = (np.abs(values - centre) / spread).max(axis=1)
    limit = 1.5 * float(np.quantile(score[:train], 0.99))
    alarm, active, run = np.zeros(len(score), bool), False, 0
    for row, one in enumerate(score.tolist()):
        speaks = one < limit / 2 if active else one > limit
        run = run + 1 if speaks else 0
        if run >= (off_rows if active else on_rows):
            active, run = not active, 0
        alarm[row] = active
    return Said(score, alarm)


def always(rows: int) -> Said:
    """An alarm that never ends."""
    return Said(np.ones(rows), np.ones(rows, bool))


def random(rows: int, seed: int = 0) -> Said:
    """A coin for every row."""
    score = np.random.default_rng(seed).random(rows)
    return Said(score, score > 0.5)
