"""A table of a TOML file that gives its fields only in the right form, and says where it is when they are not. Pure.

{"leak": "5 %"} ──number("leak", 0, 1)──► BadLibrary: symptoms.toml:8: human.noise: leak: "5 %" is no number …
"""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, Never

from anomaly.diagnosis import BadLibrary
from anomaly.diagnosis.failure_modes import Words
from runtime.toml_lines import Place, line_of


class TableRow:
    """One table of a file; fields that were never asked for are refused by `done`."""

    def __init__(self, file: str, text: str, place: Place, data: Any) -> None:
        self.file = file
        self.place = place
        self._text = text
        self._asked: set[str] = set()
        if not isinstance(data, dict):
            self._data: dict[str, Any] = {}
            self.refuse(None, "must be a table")
        self._data = data

    def refuse(self, field: str | None, problem: str) -> Never:
        """Raise BadLibrary for a field of this row."""
        place = self.place if field is None else (*self.place, field)
        line = line_of(self._text, place)
        name = ".".join(str(part + 1) if isinstance(part, int) else part for part in self.place)
        called = self._data.get("id")
        row = f"{name} ({called})" if called else name
        where = f"{self.file}:{line}" if line else self.file
        raise BadLibrary(": ".join(part for part in (where, row, field, problem) if part))

    def _get(self, field: str) -> Any:
        self._asked.add(field)
        if field not in self._data:
            self.refuse(field, "is missing")
        return self._data[field]

    def text(self, field: str) -> str:
        found = self._get(field)
        if not isinstance(found, str) or not found.strip():
            self.refuse(field, f"must be a text, not {found!r}")
        return found.strip()

    def words(self, field: str = "") -> Words:
        """The fields `<field>_en` and `<field>_zh`, or `en` and `zh`; the Chinese one must hold Chinese."""
        en, zh = (f"{field}_en", f"{field}_zh") if field else ("en", "zh")
        words = Words(self.text(en), self.text(zh))
        if not any("\u4e00" <= letter <= "\u9fff" for letter in words.zh):
            self.refuse(zh, f"has no Chinese in it: {words.zh!r}")
        return words

    def number(self, field: str, least: float, most: float) -> float:
        return self._within(field, self._get(field), least, most)

    def flag(self, field: str) -> bool:
        found = self._get(field)
        if not isinstance(found, bool):
            self.refuse(field, f"must be true or false, not {found!r}")
        return found

    def texts(self, field: str) -> tuple[str, ...]:
        found = self._get(field)
        if not isinstance(found, list) or not found or not all(isinstance(part, str) and part for part in found):
            self.refuse(field, f"must be a list of texts, not {found!r}")
        return tuple(found)

    def choice(self, field: str, known: Collection[str]) -> str:
        return self.known(field, self.text(field), known)

    def choices(self, field: str, known: Collection[str]) -> tuple[str, ...]:
        return tuple(self.known(field, part, known) for part in self.texts(field))

    def weights(self, field: str) -> dict[str, float]:
        """A table of probabilities above 0 and below 1."""
        found = self._get(field)
        if not isinstance(found, dict) or not found:
            self.refuse(field, "must be a table of signs and their weights")
        return {sign: self._within(field, weight, 0.01, 0.99, sign) for sign, weight in found.items()}

    def known(self, field: str, value: str, known: Collection[str]) -> str:
        if value not in known:
            near = difflib.get_close_matches(value, known, 1)
            self.refuse(field, f"unknown {value!r}" + (f", did you mean {near[0]!r}?" if near else ""))
        return value

    def rows(self, field: str) -> Iterator["TableRow"]:
        """The tables of a list of tables."""
        found = self._get(field)
        if not isinstance(found, list) or not found:
            self.refuse(field, "must be a list of tables, [[…]]")
        for number, data in enumerate(found):
            yield TableRow(self.file, self._text, (*self.place, field, number), data)

    def named(self, field: str) -> Iterator[tuple[str, "TableRow"]]:
        """The tables of a table of tables, with their names."""
        found = self._get(field) if field else self._data
        place = (*self.place, field) if field else self.place
        if not isinstance(found, dict) or not found:
            self.refuse(field, "must hold tables")
        self._asked.update(found if not field else ())
        for name, data in found.items():
            yield name, TableRow(self.file, self._text, (*place, name), data)

    def names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return tuple(self._data)

    def done(self) -> None:
        """Refuse fields that mean nothing: they are spelt wrong."""
        for field in self._data.keys() - self._asked:
            near = difflib.get_close_matches(field, self._asked, 1)
            self.refuse(field, "means nothing here" + (f", did you mean {near[0]!r}?" if near else ""))

    def _within(self, field: str, value: Any, least: float, most: float, part: str = "") -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            of = f"{part} = " if part else ""
            self.refuse(field, f"{of}{value!r} is no number from {least:g} to {most:g}")
        return float(value)
