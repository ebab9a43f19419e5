"""Which of 17 known faults of the Tennessee Eastman process a run shows, and whether a left-out one is called unknown.

    dNN.dat of 17 faults = known ──► test runs dNN_te: 160 normal rows, then the fault       (four of them are here)
                                └──► the same, cut 60 rows behind the onset
    dNN.dat without its rows 160 to 320 = known ──► 300 normal rows, then these rows         (all 17)
    each without the fault's own label ──► must be unknown

Held-out rows are harder than test runs, and bear no target: what a drifting fault shows there stands nowhere else.
Faults 3, 9 and 15 hardly show and 21 has no class of its own in the usual comparison; they are left out as everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis import UNKNOWN
from anomaly.diagnosis.diagnose import departure_of, diagnose, spread_of
from anomaly.diagnosis.episodes import Episode
from benchmarks.analytics.line import Line

Float64s = NDArray[np.float64]
Runs = Mapping[int, Float64s]

FAULTS = tuple(fault for fault in range(1, 21) if fault not in {3, 9, 15})
TEST_NORMAL, NORMAL, EARLY = 160, 300, 60
HELD = slice(160, 320)
APART = 20


@dataclass(frozen=True, slots=True)
class Question:
    """A file whose first `train` rows are normal, the faults that are known, and the one that it shows."""

    fault: int
    rows: Float64s
    train: int
    known: list[Episode]


def run(datasets: Path) -> list[Line]:
    """The lines of this board."""
    folder = datasets / "tep"
    normal, runs = np.loadtxt(folder / "d00.dat").T[:NORMAL], _runs(folder)
    held = _board("held-out rows", list(_held(normal, runs)), list(_left_out(normal, runs)))
    return [
        *test_runs(folder, "test runs", None),
        *test_runs(folder, f"{EARLY} rows", TEST_NORMAL + EARLY),
        *(replace(line, target=None, floor=None) for line in held),
    ]


def test_runs(folder: Path, name: str, rows: int | None) -> list[Line]:
    """The lines of those test runs that are there, up to a row."""
    tests = {int(path.name[1:3]): np.loadtxt(path)[:rows] for path in sorted(folder.glob("d??_te.dat"))}
    tests = {fault: values for fault, values in tests.items() if fault in FAULTS}
    known, strange = (list(_tests(tests, _runs(folder), left_out=left_out)) for left_out in (False, True))
    return _board(name, known, strange)


def _runs(folder: Path) -> Runs:
    return {fault: np.loadtxt(folder / f"d{fault:02d}.dat") for fault in FAULTS}


def _tests(tests: Runs, runs: Runs, *, left_out: bool) -> Iterator[Question]:
    for fault, rows in tests.items():
        known = [Episode(f"run {one}", str(one), run) for one, run in runs.items() if one != fault or not left_out]
        yield Question(fault, rows, TEST_NORMAL, known)


def _held(normal: Float64s, runs: Runs) -> Iterator[Question]:
    parts = (slice(0, HELD.start - APART), slice(HELD.stop + APART, None))
    known = [
        Episode(f"run {one}.{at}", str(one), run[part]) for one, run in runs.items() for at, part in enumerate(parts)
    ]
    for fault, rows in runs.items():
        yield Question(fault, np.vstack([normal, rows[HELD]]), NORMAL, known)


def _left_out(normal: Float64s, runs: Runs) -> Iterator[Question]:
    for fault, rows in runs.items():
        known = [Episode(f"run {one}", str(one), run) for one, run in runs.items() if one != fault]
        yield Question(fault, np.vstack([normal, rows[HELD]]), NORMAL, known)


def _board(name: str, known: Sequence[Question], strange: Sequence[Question]) -> list[Line]:
    found = [_ranked(question) for question in known]
    unknown = [_ranked(question)[0] == UNKNOWN for question in strange]
    nearest = [_nearest(question) for question in known]
    first, three = (_hits(known, found, most) for most in (1, 3))
    rivals = [{"constant, random": most / len(FAULTS), "nearest mean": _hits(known, nearest, most)} for most in (1, 3)]
    return [
        Line("tep_diagnosis", f"{name}: first", first, 0.87, 0.877, baselines=rivals[0], n=len(known)),
        Line("tep_diagnosis", f"{name}: among three", three, 0.95, 0.962, baselines=rivals[1], n=len(known)),
        Line("tep_diagnosis", f"{name}: left-out fault unknown", float(np.mean(unknown)), 0.7,
             baselines={"always known": 0.0}, n=len(unknown)),
    ]  # fmt: skip


def _ranked(question: Question) -> list[str]:
    departure = departure_of(question.rows, question.train, spread_of(question.rows, question.known))
    tags = [f"tag {at}" for at in range(question.rows.shape[1])]
    return [place.label for place in diagnose(departure, tags, question.known).ranked]


def _nearest(question: Question) -> list[str]:
    """Labels by the distance of mean rows in the noise of the normal ones: one nearest neighbour, no unknown."""
    normal = question.rows[: question.train]
    noise = normal.std(axis=0) + 1e-9
    mean = question.rows[question.train :].mean(axis=0)
    distance = {
        episode.label: float((((episode.rows.mean(axis=0) - mean) / noise) ** 2).sum()) for episode in question.known
    }
    return sorted(distance, key=lambda label: distance[label])


def _hits(questions: Sequence[Question], ranked: Sequence[Sequence[str]], most: int) -> float:
    return float(np.mean([str(q.fault) in labels[:most] for q, labels in zip(questions, ranked, strict=True)]))
