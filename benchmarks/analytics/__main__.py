"""`python -m benchmarks.analytics [--board NAME] [--datasets FOLDER]`: all boards, two at a time, one table.

BOARDS ──run(datasets)──► lines ──► stdout and benchmarks/results/analytics.md
"""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.analytics.line import Line

BOARDS = (
    "cwru", "nab", "fleet", "cmapss", "skab", "tep", "dirty", "pronostia", "pronostia_life", "repair_texts",
    "tep_diagnosis", "speed",
)  # fmt: skip
DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
RESULTS = Path(__file__).parents[1] / "results" / "analytics.md"
_HEADER = ("board", "figure", "result", "target", "floor", "", "baselines", "n", "s")


def run(board: str, datasets: Path) -> list[Line]:
    """The lines of one board; the seconds of a line that tells none are those of the board."""
    module = importlib.import_module(f"benchmarks.analytics.{board}")
    started = time.monotonic()
    lines: list[Line] = module.run(datasets)
    taken = round(time.monotonic() - started, 1)
    print(f"  · {board:<20} {taken} s", file=sys.stderr, flush=True)
    return lines


def table(lines: Iterable[Line]) -> str:
    """The lines as a Markdown table."""
    rows = [_HEADER, ("---",) * len(_HEADER), *(_cells(line) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(line: Line) -> Sequence[str]:
    sign = "≥" if line.better == "higher" else "≤"
    verdict = {True: "met", False: "missed", None: ""}[line.reached]
    return (
        line.board, line.figure, _number(line.value), "" if line.target is None else f"{sign} {_number(line.target)}",
        _number(line.floor), verdict, ", ".join(f"{name} {_number(value)}" for name, value in line.baselines.items()),
        str(line.n or ""), _number(line.seconds or None),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics")
    parser.add_argument("--board", choices=BOARDS, action="append", help="only this one; may be given more than once")
    parser.add_argument("--datasets", type=Path, default=DATASETS)
    wanted = parser.parse_args()
    boards = wanted.board or BOARDS
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    with ProcessPoolExecutor(min(2, len(boards))) as workers:
        runs = [workers.submit(run, board, wanted.datasets) for board in boards]
        text = table(line for one in runs for line in one.result())
    print(text)
    if not wanted.board:
        RESULTS.write_text(f"# Analytics on public data\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
