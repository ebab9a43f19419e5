"""The long tests, one after the other, each in a process of its own.

    python -m tests.soak [--part NAME …] [--short]

    PARTS ──► python -m <module> <arguments> ──last line: one JSON object──► benchmarks/results/soak.jsonl

Exit 0 only when every part has passed. docs/how-to/soak.md says how to read the result.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from benchmarks.figures import RESULTS

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


PARTS = (
    Part("fuzz-modbus", "A6", "tests.fuzz.modbus", "--answers 1000000", "--answers 20000", 5),
    Part("fuzz-opcua", "A9", "tests.fuzz.opcua", "--answers 100000", "--answers 2000 --live 50", 15),
    Part("spool-damage", "A11", "tests.soak.spool_damage", "--trials 1000", "--trials 20", 2),
    Part("spool-kills", "A11", "tests.soak.spool_kills", "--trials 1000", "--trials 10", 45),
    Part("outage", "A12", "tests.soak.outage", "--hours 72", "--hours 6", 8),
    Part("broker-bounces", "A8", "tests.soak.broker_bounces", "--bounces 50", "--bounces 3", 3),
    Part("reconnects", "A8", "tests.soak.reconnects", "--trials 100", "--trials 1", 40),
    Part("kills", "A14", "tests.chaos.killing", "--kills 50", "--kills 2", 15),
    Part("polling", "A1 A25", "tests.soak.polling", "--minutes 60", "--minutes 1", 63),
)


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


def run_all(parts: Sequence[Part], *, short: bool) -> list[Result]:
    """Each in turn; every result is written down at once, so that an interrupted run keeps what it has."""
    results = []
    for place, part in enumerate(parts, start=1):
        minutes = _SHORT_MINUTES if short else part.minutes
        head = f"[{place}/{len(parts)}] {part.name} ({part.criterion})"
        print(f"{datetime.now():%H:%M} {head}: up to {minutes} min", flush=True)  # noqa: DTZ005
        result = run(part, part.short if short else part.full, minutes)
        _keep(result)
        print(f"      {_verdict(result)} after {result.seconds:.0f} s: {json.dumps(result.told)}", flush=True)
        results.append(result)
    return results


def _keep(result: Result) -> None:
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "soak.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(result.line()) + "\n")


def _verdict(result: Result) -> str:
    return "passed" if result.passed else "FAILED"


def summary(results: Iterable[Result]) -> str:
    """A table for people."""
    return "\n".join(
        f"{part.name:<15} {part.criterion:<7} {_verdict(result):<7} {result.seconds:>8.0f} s  {result.arguments}"
        for part, result in ((result.part, result) for result in results)
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [part.name for part in PARTS]
    options.add_argument("--part", action="append", choices=names, metavar="NAME", help=", ".join(names))
    options.add_argument("--short", action="store_true", help="a few minutes in all, to see that it works")
    chosen = options.parse_args()
    results = run_all([part for part in PARTS if part.name in (chosen.part or names)], short=chosen.short)
    print(summary(results))
    sys.exit(0 if all(result.passed for result in results) else 1)


if __name__ == "__main__":
    main()
