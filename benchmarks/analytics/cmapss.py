"""Remaining life of turbofans: NASA C-MAPSS FD001, five times 64 engines teach and 16 are asked. Targets 12, 13, 14.

Every asked engine is cut at five random rows; truth is capped at 125 as published. Cold start: five engines teach,
eight draws. Unseen fault: C-MAPSS has only one in our data, so pumps with the other fault stand in (`wear`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.life.histories import History, histories
from anomaly.life.training import train
from benchmarks.analytics.life_scores import (
    Floats,
    Judged,
    constant,
    joined,
    judge,
    last_row,
    phm_2008,
    quarter_of_age,
    random_cuts,
    rmse,
)  # fmt: skip
from benchmarks.analytics.line import Line
from benchmarks.analytics.wear import COLUMNS as PUMP_COLUMNS
from benchmarks.analytics.wear import pumps

BOARD = "cmapss"
CAP = 125.0
SEED = 20261122
FOLDS = 5
CUTS = 5
DRAWS = 8


@dataclass(frozen=True, slots=True)
class Round:
    """What we and the baselines told about the engines of one fold, and the seconds that training took."""

    judged: Judged
    told: dict[str, Floats]
    seconds: float


def run(datasets: Path) -> list[Line]:
    engines = read(datasets / "cmapss" / "train_FD001_units001-080.txt")
    columns = [f"column {number}" for number in range(engines[0].value.shape[1])]
    rounds = [_round(engines, columns, fold) for fold in range(FOLDS)]
    judged = joined([one.judged for one in rounds])
    return [*_points(judged, rounds), *_intervals(judged), _cold(columns, engines), _unseen_fault()]


def _round(engines: Sequence[History], columns: Sequence[str], fold: int) -> Round:
    """Every fifth engine is asked, the others teach."""
    taught = [engine for at, engine in enumerate(engines) if at % FOLDS != fold]
    asked = random_cuts(engines[fold::FOLDS], CUTS, SEED + fold)
    began = time.monotonic()
    model = train(columns, taught)
    seconds = time.monotonic() - began
    told = {
        "constant": np.full(len(asked), constant(taught, CAP)), "last-row ridge": last_row(taught, CAP).told(asked),
        "25 % of age": quarter_of_age(asked),
    }  # fmt: skip
    return Round(judge(model, columns, asked), told, seconds)


def read(path: Path) -> list[History]:
    """The engines: unit, cycle, settings and sensors, separated by blanks."""
    rows = np.loadtxt(path)
    return histories([f"{unit:g}" for unit in rows[:, 0]], rows[:, 1], rows[:, 2:])


def _points(judged: Judged, rounds: Sequence[Round]) -> list[Line]:
    left = np.minimum(judged.left, CAP)
    told = {name: np.concatenate([one.told[name] for one in rounds]) for name in rounds[0].told}
    hundreds = len(left) / 100
    seconds = max(one.seconds for one in rounds)
    return [
        Line(BOARD, "RMSE (cycles)", rmse(judged.rul, left), 13.0, 16.4, "lower",
             {name: rmse(one, left) for name, one in told.items()}, len(left), seconds),
        Line(BOARD, "PHM 2008 score for 100 engines", phm_2008(judged.rul, left) / hundreds, 260.0, 427.0, "lower",
             {name: phm_2008(one, left) / hundreds for name, one in told.items()}, len(left)),
    ]  # fmt: skip


def _intervals(judged: Judged) -> list[Line]:
    left = np.minimum(judged.left, CAP)
    near, end = judged.rul < 50, left <= 30
    width = float(np.mean((judged.upper - judged.lower)[near]))
    late = int(np.sum(end & (judged.rul - left > 20)))
    coverage = float(judged.covered(left).mean())
    whole = {"0 to 125": float(np.mean(left >= 0))}
    return [
        Line(BOARD, "90 % intervals cover (at most .95)", coverage, 0.86, 0.92, "higher", whole, len(left)),
        Line(BOARD, "90 % intervals cover the uncapped truth", float(judged.covered(judged.left).mean()), n=len(left)),
        Line(BOARD, "interval width where told < 50 (cycles)", width, 22.0, 17.0, "lower", {"0 to 125": CAP},
             int(near.sum())),
        Line(BOARD, "told more than 20 late within 30 of the end", late, 0, 0, "lower", n=int(end.sum())),
    ]  # fmt: skip


def _cold(columns: Sequence[str], engines: Sequence[History]) -> Line:
    rng = np.random.default_rng(SEED)
    ours, ridge = [], []
    for draw in range(DRAWS):
        order = rng.permutation(len(engines))
        few = [engines[at] for at in order[:5]]
        asked = random_cuts([engines[at] for at in order[5:]], 1, SEED + draw)
        left = np.minimum([cut.left for cut in asked], CAP)
        ours.append(rmse(judge(train(columns, few), columns, asked).rul, left))
        ridge.append(rmse(last_row(few, CAP).told(asked), left))
    baselines = {"last-row ridge": float(np.mean(ridge)), "worst draw": max(ours)}
    return Line(BOARD, "RMSE with 5 failed engines (cycles), mean of 8 draws", float(np.mean(ours)), 20.0, 21.1,
                "lower", baselines, 75 * DRAWS)  # fmt: skip


def _unseen_fault() -> Line:
    model = train(PUMP_COLUMNS, pumps(40, "impeller", SEED))
    judged = judge(model, PUMP_COLUMNS, random_cuts(pumps(30, "bearing", SEED), 3, SEED))
    covered = judged.covered(judged.left)
    known = judge(model, PUMP_COLUMNS, random_cuts(pumps(30, "impeller", SEED + 1), 3, SEED))
    told = float((covered | judged.unfamiliar).mean())
    beside = {"covered alone": float(covered.mean()), "known fault called unfamiliar": float(known.unfamiliar.mean())}
    return Line(BOARD, "unseen fault: covered or said to be unfamiliar", told, 0.8, None, "higher", beside,
                len(covered))  # fmt: skip
