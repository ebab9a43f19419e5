"""SKAB: a water pump, one event a file, learned from its first 400 rows; and one file of 2.6 h without any event.

The constants of the scorer were looked at on these 16 files; the files of the other two groups are not here.
"""

import time
from pathlib import Path

import numpy as np

from anomaly.scoring.export import score_table
from anomaly.tables import Table, read_table
from benchmarks.analytics.events import Bools, Figures, Said, always, episodes, judged, one_tag, random
from benchmarks.analytics.line import Line

LEARN_ROWS = 400
_LABELS = ("anomaly", "changepoint")
_HOUR_ROWS = 3600


def run(datasets: Path) -> list[Line]:
    """The lines of the files with an event and of the anomaly-free one."""
    files = sorted(datasets.glob("skab/valve*/*.csv"), key=lambda path: (path.parent.name, int(path.stem)))
    return _events(files) + _calm(datasets / "skab/anomaly-free")


def ours(table: Table) -> Said:
    """What `linewright score` says of the rows behind the learning block."""
    verdicts = score_table(table, LEARN_ROWS)
    return Said(verdicts.score[LEARN_ROWS:], verdicts.alarm[LEARN_ROWS:])


def without_labels(table: Table) -> tuple[Table, Bools]:
    """The table without its label columns, and the label of every row."""
    kept = [number for number, name in enumerate(table.names) if name not in _LABELS]
    label = table.column("anomaly") > 0 if "anomaly" in table.names else np.zeros(len(table), bool)
    names = tuple(table.names[number] for number in kept)
    return Table(table.time_ns, table.time_text, names, table.values[:, kept], {}, table.lines), label


def _others(table: Table) -> dict[str, Said]:
    rows = len(table) - LEARN_ROWS
    tag = one_tag(table.values, LEARN_ROWS)
    return {
        "always": always(rows), "random": random(rows),
        "one tag": Said(tag.score[LEARN_ROWS:], tag.alarm[LEARN_ROWS:]),
    }  # fmt: skip


def _events(paths: list[Path]) -> list[Line]:
    started = time.monotonic()
    tables = [without_labels(read_table(path)) for path in paths]
    labels = [label[LEARN_ROWS:] for _, label in tables]
    mine = judged(labels, [ours(table) for table, _ in tables])
    seconds = round(time.monotonic() - started, 1)
    others = [_others(table) for table, _ in tables]
    theirs = {name: judged(labels, [one[name] for one in others]) for name in others[0]}
    hours = sum(int((~label).sum()) for label in labels) / _HOUR_ROWS
    return _lines(mine, theirs, len(paths), hours, seconds)


def _lines(mine: Figures, theirs: dict[str, Figures], files: int, hours: float, seconds: float) -> list[Line]:
    def line(figure: str, of: str, target: float, floor: float, better: str, scale: float = 1.0) -> Line:
        told = {name: round(getattr(one, of) * scale, 4) for name, one in theirs.items()}
        value = round(getattr(mine, of) * scale, 4)
        return Line("skab", figure, value, target, floor, better, told, files, seconds)  # type: ignore[arg-type]

    return [
        line("mean average precision", "precision", 0.87, 0.844, "higher"),
        line("F1 of rows", "f1", 0.81, 0.793, "higher"),
        line("share of normal time in alarm", "false_share", 0.15, 0.34, "lower"),
        line("share of events found", "found", 17 / 18, 17 / 18, "higher", 1 / files),
        line("false events an hour", "onsets_false", 1.0, 1.9, "lower", 1 / hours),
        line("median delay, s", "delay", 45.0, 23.0, "lower"),
    ]


def _calm(folder: Path) -> list[Line]:
    started = time.monotonic()
    table, _ = without_labels(read_table(folder / "anomaly-free.csv"))
    said = {"ours": ours(table)} | _others(table)
    hours = (len(table) - LEARN_ROWS) / _HOUR_ROWS
    share = {name: round(float(one.alarm.mean()), 4) for name, one in said.items()}
    events = {name: round(len(episodes(one.alarm)) / hours, 3) for name, one in said.items()}
    seconds = round(time.monotonic() - started, 1)
    return [
        Line("skab", "anomaly-free: share in alarm", share.pop("ours"), 0.05, 0.98, "lower", share, 1, seconds),
        Line("skab", "anomaly-free: events an hour", events.pop("ours"), 1.0, None, "lower", events, 1, seconds),
    ]
