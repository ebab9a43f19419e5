"""What `linewright diagnose` does: read a file and a library of known faults, and say which one the file shows.

FILE ──first N rows──► normal ──► departure ─┬─ LIBRARY ──► ranked labels
                                             └─ table of failure modes ──► ranked failure modes, where a class is named
"""

import json
from pathlib import Path

from anomaly.diagnosis.advice import advise
from anomaly.diagnosis.answer import Answer
from anomaly.diagnosis.diagnose import Departure, departure_of, spread_of
from anomaly.diagnosis.diagnose import diagnose as diagnose_rows
from anomaly.diagnosis.episodes import NAMES, Episode, episodes_of, measured_tags, rows_of, shared_tags
from anomaly.diagnosis.library import built_in
from anomaly.diagnosis.picture import draw
from anomaly.diagnosis.tag_signs import tag_signs
from anomaly.tables import Table, read_table
from linewright import LinewrightError
from linewright.progress import Progress
from linewright.table_header import spelt


class NothingToCompare(LinewrightError):
    """Neither known faults nor a machine class to look in."""


class NoPicture(LinewrightError):
    """The picture cannot be written there."""


def diagnose(
    file: Path, train_rows: int, history: Path | None, machine_class: str | None, picture: Path | None = None
) -> str:
    """The answer as JSON; its picture is written where one is wanted.

    Raises:
        NothingToCompare: neither a library of episodes nor a machine class, or the class is not in the table.
        BadTable, BadHistory: a file cannot be used.
    """
    if history is None and machine_class is None:
        raise NothingToCompare("give known faults with --history LIBRARY.csv, or a class with --machine-class")
    if machine_class is not None and machine_class not in built_in().classes:
        raise NothingToCompare(f"no machine class {machine_class!r}; there are {', '.join(built_in().classes)}")
    progress = Progress()
    with progress.step(f"reading {file.name}"):
        table = read_table(file)
        known = read_table(history, time=None, text=spelt(history, NAMES)) if history else None
    tags = shared_tags(known, table, history.name) if known and history else table.names
    tags = measured_tags(known or table, table, tags, train_rows)
    episodes = episodes_of(known, tags, history.name) if known and history else []
    with progress.step("comparing with known faults"):
        rows = rows_of(table, tags)
        departure = departure_of(rows, train_rows, spread_of(rows, episodes))
        answer = _answer(departure, tags, episodes, machine_class)
    if picture:
        _draw(picture, draw(rows, tags, train_rows, answer, episodes))
    return json.dumps(_timed(answer, table), ensure_ascii=False, indent=2)


def _draw(picture: Path, image: bytes) -> None:
    try:
        picture.write_bytes(image)
    except OSError as error:
        raise NoPicture(f"{picture}: {error.strerror or error}") from error


def _answer(departure: Departure, tags: tuple[str, ...], episodes: list[Episode], machine_class: str | None) -> Answer:
    learned = diagnose_rows(departure, tags, episodes) if episodes else None
    if machine_class is None and learned:
        return learned
    signs = tag_signs(tags, departure.z, built_in()) if departure.stretch else {}
    advice = advise(built_in(), machine_class or "", signs)
    if learned is None:
        return advice
    return Answer(learned.ranked, {**learned.found, "failure_modes": advice.as_dict()["ranked"]})


def _timed(answer: Answer, table: Table) -> dict[str, object]:
    """The answer with the times of the rows that show the fault."""
    told = answer.as_dict()
    rows = told.get("fault_rows")
    if rows:
        told["fault_rows"] = {**rows, "from": table.time_text[rows["first"]], "to": table.time_text[rows["last"]]}
    return told
