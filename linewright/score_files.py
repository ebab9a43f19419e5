"""The files beside `linewright score`: the map that goes in, the scores that come out."""

import csv
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from anomaly.scoring import BadMachineMap
from anomaly.scoring.export import HEADER, lines
from anomaly.scoring.machine_map import MachineMap, machine_map
from anomaly.scoring.verdicts import Verdicts
from anomaly.tables import Table


def map_of(path: Path | None, names: Sequence[str]) -> MachineMap | None:
    """The machine map in a TOML file. Raises BadMachineMap."""
    if path is None:
        return None
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return machine_map(raw, names)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, BadMachineMap) as error:
        raise BadMachineMap(f"{path.name}: {error}") from error


def write_scores(path: Path | None, table: Table, verdicts: Verdicts) -> None:
    """Write the scores to a CSV file, or to the screen."""
    if path is None:
        _write(sys.stdout, table, verdicts)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, table, verdicts)


def _write(file: IO[str], table: Table, verdicts: Verdicts) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(lines(table, verdicts))
