"""Remaining life of bearings: PRONOSTIA, six asked at 46 cuts from 50 to 95 % of life, the others teach. Target 17.

Six lives from 1.4 to 7.8 h, three loads, some without any sign until minutes before the end: little can be known, and
the honest answer is a wide interval. A log-RMS extrapolation scores less than a constant here.
"""

import time
from pathlib import Path

import numpy as np

from anomaly.life.histories import History
from anomaly.life.training import train
from benchmarks.analytics.life_scores import constant, cuts, judge, last_row, phm_2012, quarter_of_age
from benchmarks.analytics.line import Line

BOARD = "pronostia_life"
SHARES = tuple(round(0.5 + 0.01 * step, 2) for step in range(46))


def run(datasets: Path) -> list[Line]:
    bearings = [read(path) for path in sorted((datasets / "pronostia").glob("*.npz"))]
    columns = [f"column {number}" for number in range(bearings[0].value.shape[1])]
    began = time.monotonic()
    told: dict[str, list[float]] = {"ours": [], "constant": [], "last-row ridge": [], "25 % of age": []}
    covered: list[bool] = []
    for at, bearing in enumerate(bearings):
        others = bearings[:at] + bearings[at + 1 :]
        asked = cuts([bearing], SHARES)
        left = np.array([cut.left for cut in asked])
        judged = judge(train(columns, others), columns, asked)
        cap = float(max(history.life for history in others))
        told["ours"].append(phm_2012(judged.rul, left))
        told["constant"].append(phm_2012(np.full(len(left), constant(others, cap)), left))
        told["last-row ridge"].append(phm_2012(last_row(others, cap).told(asked), left))
        told["25 % of age"].append(phm_2012(quarter_of_age(asked), left))
        covered += judged.covered(left).tolist()
    scores = {name: float(np.mean(values)) for name, values in told.items()}
    ours = scores.pop("ours")
    return [
        Line(BOARD, "PHM 2012 credit, 6 bearings at 46 cuts", ours, 0.30, 0.27, "higher", scores, len(covered),
             time.monotonic() - began),
        Line(BOARD, "90 % intervals cover", float(np.mean(covered)), 0.80, None, "higher", {}, len(covered)),
    ]  # fmt: skip


def read(path: Path) -> History:
    """One bearing: root mean square, kurtosis, peak and high frequency of both axes, every 10 s."""
    with np.load(path) as arrays:
        rows = len(arrays["t_s"])
        return History(path.stem, arrays["t_s"].astype(float), arrays["features"].reshape(rows, -1).astype(float))
