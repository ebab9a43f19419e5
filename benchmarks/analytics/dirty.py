"""Dirty data: what lost, repeated, swapped and lying rows cost, and whether a lying sensor is called one.

    SKAB, the files with odd numbers ──dirt of one kind──► score ──► loss of average precision
    SKAB and the healthy fleet ──one sensor lies──► sensor case? machine case?

Sensor faults were tuned on the even files and on seeds 3 to 5; the odd ones are not held out in the strict sense: false
sensor faults were looked at on all files, and the rule for coarse tags came from odd ones. A case counts as what it was
in its last row.
"""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly.scoring.export import score_table
from anomaly.tables import Table, read_table
from benchmarks.analytics.events import Bools, average_precision
from benchmarks.analytics.fleet import Case, cases_of, table_of
from benchmarks.analytics.line import Line
from benchmarks.analytics.skab import LEARN_ROWS, without_labels
from simulators.weeks import fleet

SEED = 22
LIE_ROWS = 200
_CONVERSIONS = ((1000.0, 0.0), (0.001, 0.0), (14.5038, 0.0), (1.8, 32.0), (60.0, 0.0), (3.6, 0.0))
Random = np.random.Generator
Dirt = Callable[[Table, Bools, Random], tuple[Table, Bools]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one lie: whether the sensor was named, and whether a machine case began because of it."""

    lie: str
    named: bool
    machine: bool


def _picked(table: Table, rows: np.ndarray) -> Table:
    return Table(table.time_ns[rows], [table.time_text[row] for row in rows.tolist()], table.names, table.values[rows])


def _holding(table: Table, values: np.ndarray, time_ns: np.ndarray | None = None) -> Table:
    return Table(table.time_ns if time_ns is None else time_ns, table.time_text, table.names, values)


def rows_lost(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    keep = np.flatnonzero((rng.random(len(table)) >= 0.2) | (np.arange(len(table)) < LEARN_ROWS))
    return _picked(table, keep), label[keep]


def values_lost(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    return _holding(table, np.where(rng.random(table.values.shape) < 0.2, np.nan, table.values)), label


def duplicates(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    again = np.sort(np.r_[np.arange(len(table)), np.flatnonzero(rng.random(len(table)) < 0.2)])

    return _picked(table, again), label[again]


def out_of_order(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    late = np.arange(len(table)) + np.where(rng.random(len(table)) < 0.1, rng.integers(1, 4, len(table)) + 0.5, 0.0)
    order = np.argsort(late, kind="stable")
    return _picked(table, order), label[order]


def clock_jump(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    time_ns = table.time_ns.copy()
    first, second = np.sort(rng.integers(LEARN_ROWS + 50, len(table) - 50, 2)).tolist()
    time_ns[first:] += 3_600_000_000_000
    time_ns[second:] -= 7_200_000_000_000
    return _holding(table, table.values, time_ns), label


def unit_switched(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    return _lied(table, "unit_switch", int(rng.integers(len(table.names))), LEARN_ROWS + 100, rng), label


def stuck_for_a_while(table: Table, label: Bools, rng: Random) -> tuple[Table, Bools]:
    return _lied(table, "stuck", int(rng.integers(len(table.names))), LEARN_ROWS + 100, rng), label


DIRT: dict[str, Dirt] = {
    "20 % of rows lost": rows_lost, "20 % of values lost": values_lost, "duplicates": duplicates,
    "out of order": out_of_order, "clock jumps": clock_jump, "one unit switched": unit_switched,
    "one sensor stuck": stuck_for_a_while,
}  # fmt: skip
LIES = ("stuck", "range", "noise", "unit_switch", "gap")


def _lied(table: Table, lie: str, tag: int, onset: int, rng: Random) -> Table:
    """One tag lies for LIE_ROWS rows."""
    values = table.values.copy()
    span = slice(onset, onset + LIE_ROWS)
    true = values[span, tag]
    scale = float(np.nanmedian(np.abs(np.diff(values[:LEARN_ROWS, tag])))) or float(np.nanstd(values[:LEARN_ROWS, tag]))
    gain, offset = _CONVERSIONS[int(rng.integers(len(_CONVERSIONS)))]
    told: dict[str, Callable[[], NDArray[np.float64]]] = {
        "stuck": lambda: np.full(len(true), true[0]),
        "range": lambda: np.full(len(true), rng.choice([-9999.0, 65535.0])),
        "noise": lambda: true + 20 * scale * rng.standard_normal(len(true)),
        "unit_switch": lambda: gain * true + offset,
        "gap": lambda: np.full(len(true), np.nan),
    }
    values[span, tag] = told[lie]()
    return _holding(table, values)


def run(datasets: Path) -> list[Line]:
    started = time.monotonic()
    paths = sorted(datasets.glob("skab/valve*/*.csv"))
    files = {path: without_labels(read_table(path)) for path in paths if int(path.stem) % 2}
    clean = [_precision(*one) for one in files.values()]
    lines, crashes = [], 0
    for name, dirt in DIRT.items():
        dirty = []
        for path, (table, label) in files.items():
            try:
                dirty.append(_precision(*dirt(table, label, _random(path, name))))
            except Exception as error:  # noqa: BLE001 - a crash is what is counted here
                print(f"dirty: {name}: {path.name}: {error!r}")
                dirty.append(0.0)
                crashes += 1
        loss = round(float(np.mean(clean) - np.mean(dirty)), 4)
        baseline = {"always": 0.0, "clean": round(float(np.mean(clean)), 4)}
        lines.append(
            Line("dirty", f"loss of average precision: {name}", loss, 0.03, None, "lower", baseline, len(files))
        )
    lies = [*_lies_on_skab(files), *_lies_on_fleet()]
    named, called = _share([one.named for one in lies]), _share([one.machine for one in lies])
    lines += [
        Line("dirty", "crashes", crashes, 0, None, "lower", {}, len(files) * len(DIRT)),
        Line("dirty", "lying sensors named", named, 0.95, None, "higher", {"never": 0.0}, len(lies)),
        Line("dirty", "lying sensors not called a machine's", 1 - called, 0.95, better="higher", n=len(lies)),
    ]
    return [replace(lines[0], seconds=round(time.monotonic() - started, 1)), *lines[1:]]


def _random(path: Path, name: str) -> Random:
    return np.random.default_rng(zlib.crc32(f"{path.name} {name}".encode()))


def _precision(table: Table, label: Bools) -> float:
    verdicts = score_table(table, LEARN_ROWS)
    return average_precision(label[LEARN_ROWS:], verdicts.score[LEARN_ROWS:])


def _share(flags: list[bool]) -> float:
    return round(float(np.mean(flags)), 3)


def _lies_on_skab(files: dict[Path, tuple[Table, Bools]]) -> Iterator[Verdict]:
    """Every kind of lie ahead of the event of each file, in a tag by chance."""
    for path, (table, label) in files.items():
        onset = LEARN_ROWS + 20
        stop = min(onset + LIE_ROWS, int(np.flatnonzero(label)[0]))
        if stop - onset >= LIE_ROWS // 2:
            yield from _judged(path.name, table, range(len(table.names)), LEARN_ROWS, (onset, stop))


def _lies_on_fleet() -> Iterator[Verdict]:
    """The same on healthy machines at work."""
    for machine in fleet(SEED, weeks=1, troubled=False):
        power = machine.values[:, machine.names.index("power")]
        at_work = np.nan_to_num(power) > 0.5 * np.nanquantile(power, 0.95)
        work = np.convolve(at_work[machine.train_rows :], np.ones(LIE_ROWS + 200), "valid")
        onset = machine.train_rows + int(work.argmax()) + 100
        tags = [at for at, unit in enumerate(machine.units) if unit]
        yield from _judged(machine.machine, table_of(machine), tags, machine.train_rows, (onset, onset + LIE_ROWS))


def _judged(name: str, clean: Table, tags: Sequence[int], train: int, span: tuple[int, int]) -> Iterator[Verdict]:
    """A machine case that begins within the span counts only if the same rows without the lie had none."""
    rows = np.arange(span[1])
    before = _in_span(_picked(clean, rows), train, span)
    for lie in LIES:
        rng = _random(Path(name), lie)
        tag = int(rng.choice(tags))
        cases = _in_span(_picked(_lied(clean, lie, tag, span[0], rng), rows), train, span)
        named = any(case.kind == "sensor" and clean.names[tag] in case.tags for case in cases)
        machine = any(case.kind != "sensor" for case in cases) and not any(case.kind != "sensor" for case in before)
        yield Verdict(f"{name}: {clean.names[tag]}: {lie}", named, machine)


def _in_span(table: Table, train: int, span: tuple[int, int]) -> list[Case]:
    cases = cases_of(table.names, score_table(table, train))
    return [case for case in cases if span[0] <= case.first < span[1]]
