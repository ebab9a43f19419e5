"""Runs long tests one after the other, each a program in a process of its own.

    parts ──► python -m <module> <arguments> ──last line: one JSON object──► benchmarks/results/<name>.jsonl

`make soak` and `make chaos` are tables of such parts. A part passes when it ends with 0 and with a JSON object.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

# A part that takes ten times as long as it should hangs.
_PATIENCE = 10
_SHORT_MINUTES = 3


class Part(NamedTuple):
    """One long test; `minutes` is what its full form takes on two cores."""

    name: str
    criterion: str
    module: str
    full: str
    short: str
    minutes: int


class Result(NamedTuple):
    """What became of a part."""

    part: Part
    arguments: str
    told: dict[str, Any]
    seconds: float
    passed: bool

    def line(self) -> dict[str, Any]:
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "part": self.part.name,
            "criterion": self.part.criterion,
            "arguments": self.arguments,
            "result": self.told,
            "seconds": round(self.seconds, 1),
            "passed": self.passed,
        }


def run(part: Part, arguments: str, minutes: int) -> Result:
    """One part in its process; it passes when it ends with 0 and with a JSON object."""
    command = [sys.executable, "-m", part.module, *arguments.split()]
    begun_s = time.monotonic()
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=minutes * 60 * _PATIENCE
        )
        told, code = _last_object(ended.stdout, ended.returncode), ended.returncode
    except subprocess.TimeoutExpired:
        told, code = {"error": f"not finished after {minutes * _PATIENCE} minutes"}, None
    return Result(part, arguments, told, time.monotonic() - begun_s, code == 0 and "error" not in told)


def _last_object(text: str, code: int) -> dict[str, Any]:
    last = text.strip().rpartition("\n")[2]
    try:
        told = json.loads(last)
    except ValueError:
        told = None
    return (
        told if isinstance(told, dict) else {"error": f"exit {code}; the last line is no JSON object: {last[:200]!r}"}
    )


def run_all(parts: Sequence[Part], results: Path, more: str, *, short: bool) -> list[Result]:
    """Each in turn; every result is written down at once, so that an interrupted run keeps what it has."""
    done = []
    for place, part in enumerate(parts, start=1):
        minutes = _SHORT_MINUTES if short else part.minutes
        head = f"[{place}/{len(parts)}] {part.name} ({part.criterion})"
        print(f"{datetime.now():%H:%M} {head}: up to {minutes} min", flush=True)  # noqa: DTZ005
        result = run(part, f"{part.short if short else part.full}{more}", minutes)
        _keep(result, results)
        print(f"      {_verdict(result)} after {result.seconds:.0f} s: {json.dumps(result.told)}", flush=True)
        done.append(result)
    return done


def _keep(result: Result, results: Path) -> None:
    results.parent.mkdir(exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result.line()) + "\n")


def _verdict(result: Result) -> str:
    return "passed" if result.passed else "FAILED"


def summary(results: Iterable[Result]) -> str:
    """A table for people."""
    return "\n".join(
        f"{part.name:<15} {part.criterion:<7} {_verdict(result):<7} {result.seconds:>8.0f} s  {result.arguments}"
        for part, result in ((result.part, result) for result in results)
    )


def options(about: str | None, parts: Sequence[Part]) -> argparse.ArgumentParser:
    """--part and --short."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [part.name for part in parts]
    found.add_argument("--part", action="append", choices=names, metavar="NAME", help=", ".join(names))
    found.add_argument("--short", action="store_true", help="a few minutes in all, to see that it works")
    return found


def main(chosen: argparse.Namespace, parts: Sequence[Part], results: Path, more: str = "") -> None:
    """Run what was chosen, with `more` behind the arguments of each; exit 0 only when every part has passed."""
    wanted = [part for part in parts if not chosen.part or part.name in chosen.part]
    done = run_all(wanted, results, more, short=chosen.short)
    print(summary(done))
    sys.exit(0 if all(result.passed for result in done) else 1)
