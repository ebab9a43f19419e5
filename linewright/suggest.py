"""What `linewright suggest` does: read orders and texts, ask, give one JSON object a text.

ORDERS.csv ──► Suggester ─┐
table of failure modes ───┴── text ──► {"ranked": […], "failure_modes": […]}
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from anomaly.diagnosis.advice import Seen, advise
from anomaly.diagnosis.answer import Answer
from anomaly.diagnosis.failure_modes import Library
from anomaly.diagnosis.library import built_in, terms_of
from anomaly.diagnosis.orders import COLUMNS, column, orders_of
from anomaly.diagnosis.suggest import Suggester
from anomaly.diagnosis.told_signs import told_signs
from anomaly.diagnosis.words import Terms
from anomaly.tables import Table, read_table
from linewright import LinewrightError
from linewright.progress import Progress
from linewright.table_header import header_of, lines_of, spelt


class NothingToAsk(LinewrightError):
    """Neither a text nor a file of texts, or no place to look for an answer."""


def suggest(texts: Sequence[str], history: Path | None, machine_class: str | None) -> Iterator[str]:
    """One line of JSON for each text, in their order.

    Raises:
        NothingToAsk: neither orders nor a machine class to learn from, or the class is not in the table.
        BadTable, BadHistory: the file of orders cannot be used.
    """
    library = built_in()
    if history is None and machine_class is None:
        raise NothingToAsk("give closed orders with --history ORDERS.csv, or a class with --machine-class")
    if machine_class is not None and machine_class not in library.classes:
        raise NothingToAsk(f"no machine class {machine_class!r}; there are {', '.join(library.classes)}")
    terms = terms_of(library)
    learned = _learned(history, terms).ask(texts) if history else [None] * len(texts)
    for text, answer in zip(texts, learned, strict=True):
        advice = _advice(text, machine_class, library, terms) if machine_class else None
        yield json.dumps(_together(answer, advice), ensure_ascii=False)


def texts_of(path: Path) -> list[str]:
    """The texts of a file: one a line, or the column `text` of a CSV file. Raises Unreadable, BadTable."""
    lines = lines_of(path)
    header = header_of(lines[0])
    if not {name.casefold() for name in header} & set(COLUMNS["text"]):
        return lines
    if len(header) == 1:
        return lines[1:]
    return list(column(_table(path), "text", path.name))


def _table(path: Path) -> Table:
    return read_table(path, time=None, text=spelt(path, (name for names in COLUMNS.values() for name in names)))


def _learned(history: Path, terms: Terms) -> Suggester:
    with Progress().step(f"learning from {history.name}"):
        return Suggester.learn(orders_of(_table(history), history.name), terms)


def _advice(text: str, machine_class: str, library: Library, terms: Terms) -> Answer:
    seen = {sign: Seen(1.0, words) for sign, words in told_signs(text, terms, library).items()}
    language = "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else "en"
    return advise(library, machine_class, seen, language)


def _together(answer: Answer | None, advice: Answer | None) -> dict[str, Any]:
    """The labels of the orders first; the rows of the table beside them, or in their place without orders."""
    rows = advice.as_dict()["ranked"] if advice else []
    if answer is None:
        return {"ranked": rows}
    return {**answer.as_dict(), **({"failure_modes": rows} if advice else {})}
