"""A figure of a benchmark: one JSON line on stdout, and the same line appended to benchmarks/results/<bench>.jsonl."""

import json
import math
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def figure(
    bench: str, name: str, value: float, unit: str, *, peer: str | None = None, ratio: float | None = None
) -> dict[str, Any]:
    """Tell a figure; `ratio` is ours to that of `peer`, measured in the same run."""
    line = {
        "bench": bench,
        "figure": name,
        "value": _rounded(value),
        "unit": unit,
        "peer": peer,
        "ratio": None if ratio is None else _rounded(ratio),
    }
    return _told(line)


def absent(bench: str, name: str, unit: str, reason: str) -> dict[str, Any]:
    """Tell that a figure could not be taken here, and why."""
    return _told({"bench": bench, "figure": name, "value": None, "unit": unit, "reason": reason})


def _told(line: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(line)
    print(text, flush=True)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{line['bench']}.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return line


def _rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return round(value, 3 - math.floor(math.log10(abs(value)))) if value else 0.0
