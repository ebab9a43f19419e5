"""The fleet as files: a CSV a machine, and truth.json that tells what was done to them."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from simulators.weeks.fleet import MachineWeeks


def write(machines: Iterable[MachineWeeks], folder: Path, seed: int) -> None:
    """Write `<machine>.csv` (first column `time`, empty where a value is lost) and `truth.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for machine in machines:
        with (folder / f"{machine.machine}.csv").open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("time", *machine.names))
            for time_ns, row in zip(machine.time_ns.tolist(), machine.values.tolist(), strict=True):
                moment = datetime.fromtimestamp(time_ns / 1e9, UTC)
                lines.writerow((f"{moment:%Y-%m-%d %H:%M:%S}", *("" if cell != cell else f"{cell:g}" for cell in row)))  # noqa: PLR0124
        told.append(
            {
                "machine": machine.machine, "kind": machine.kind, "file": f"{machine.machine}.csv",
                "units": dict(zip(machine.names, machine.units, strict=True)), "rows": len(machine.time_ns),
                "train_rows": machine.train_rows, "weeks": machine.weeks,
                "injections": [asdict(one) for one in machine.injections],
            }
        )  # fmt: skip
    truth = {"seed": seed, "machines": told}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
