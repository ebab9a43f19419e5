"""Everything that turns bytes of strangers into something, fed mutated inputs under coverage guidance (atheris).

    python -m tests.fuzz.decoders --executions 10000000 [--only columnar …] [--seconds 3600] [--folder DIR]

One process a decoder, one after the other: seeds and what an earlier run found interesting (the folder) ─► libFuzzer
─► only the documented errors may come out, and no payload may take more than 50 MB (decoder_memory tells how it is
measured; the worst payloads there are, are fed first). Needs `pip install atheris`.

Prints one JSON object, adds it to benchmarks/results/fuzz.jsonl, exit 0 only when clean. An input that broke
something stays in the folder as crash-…; `--input FILE --only NAME` feeds it again.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS
from tests.fuzz.decoder_targets import targets

PAYLOAD_MB_MOST = 50.0
_FOLDER = Path(tempfile.gettempdir()) / "linewright-fuzz"
_EXCEPTION = "Uncaught Python exception"
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass
class Figures:
    """What one decoder did, or all of them together."""

    executions: int = 0
    crashes: int = 0
    peak_mb: float = 0.0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.crashes and self.executions > 0 and self.peak_mb <= PAYLOAD_MB_MOST

    def add(self, other: "Figures") -> None:
        self.executions += other.executions
        self.crashes += other.crashes
        self.peak_mb = max(self.peak_mb, other.peak_mb)
        self.seconds += other.seconds
        self.errors += other.errors


def run(name: str, executions: int, seconds: float, folder: Path) -> Figures:
    """Fuzz one decoder in a process of its own."""
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    told = corpus.with_suffix(".json")
    told.unlink(missing_ok=True)
    environment = os.environ | {"FUZZ_DECODER": name, "FUZZ_TOLD": str(told)}
    command = [
        sys.executable, "-m", "tests.fuzz.decoder_child", str(corpus), f"-runs={executions}",
        f"-max_total_time={max(1, round(seconds))}", f"-artifact_prefix={corpus}/", "-print_final_stats=1",
        "-rss_limit_mb=2048", "-timeout=20", "-reload=0",
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    output = (done.stdout + done.stderr).decode(errors="replace")
    found = _EXECUTED.search(output)
    peak_mb = json.loads(told.read_text())["peak_mb"] if told.exists() else 0.0
    figures = Figures(int(found[1]) if found else 0, 0, peak_mb, round(time.monotonic() - started, 1))
    if done.returncode:
        figures.crashes = 1
        at = output.find(_EXCEPTION)
        figures.errors.append(f"{name}: {output[at : at + 2000] if at >= 0 else output[-2000:]}")
    return figures


def fuzz(names: Sequence[str], executions: int, seconds: float, folder: Path) -> dict[str, Any]:
    """All of these, with an equal share each; what came out, as it is written down."""
    total = Figures()
    decoders: dict[str, Any] = {}
    for name in names:
        one = run(name, -(-executions // len(names)), seconds / len(names), folder)
        total.add(one)
        decoders[name] = {"executions": one.executions, "crashes": one.crashes, "peak_mb": one.peak_mb}
        print(
            f"{name}: {one.executions} executions, {one.crashes} crashes, {one.peak_mb} MB", file=sys.stderr, flush=True
        )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "bench": "fuzz", **asdict(total),
        "seconds": round(total.seconds, 1), "decoders": decoders, "passed": total.clean,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=24 * 3600, help="no more than so long, all together")
    parser.add_argument("--only", nargs="*", choices=list(targets()), default=list(targets()))
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    parser.add_argument("--input", type=Path, help="feed this file to the decoders of --only, and stop")
    arguments = parser.parse_args()
    if arguments.input:
        for name in arguments.only:
            targets()[name].feed(arguments.input.read_bytes())
        return
    result = fuzz(arguments.only, arguments.executions, arguments.seconds, arguments.folder)
    line = json.dumps(result)
    print(line)
    with (RESULTS / "fuzz.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    sys.exit(0 if result["passed"] else 1)


if __name__ == "__main__":
    main()
