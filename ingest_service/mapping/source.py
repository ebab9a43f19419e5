"""One place where values stand, at work: each value gets its name, time and quality, or a reason why not. Pure.

record ──path──► values ──name, quality, value, time──► Collected.samples
                                          └── unusable ──► Collected.skipped
"""

import re
from enum import StrEnum
from fnmatch import translate
from typing import Any, NamedTuple

from ingest_service import IngestError
from ingest_service.mapping import moment, path, template
from ingest_service.mapping.path import MISSING, NAME_MOST, Found
from ingest_service.mapping.settings import MappingSettings, ValueSettings
from ingest_service.mapping.template import Spot
from ingest_service.mapping.value import reported
from protocols import OversizedPayload
from protocols.naming import slug
from protocols.wire.named import NOTHING, Reported

VALUES_MOST = 20_000


class Skip(StrEnum):
    """Why a value is not stored."""

    ASKED = "asked"
    NULL = "null"
    NO_TIME = "no_time"
    NO_NAME = "no_name"
    NO_VALUE = "no_value"
    TWICE = "twice"

    @property
    def is_wanted(self) -> bool:
        """Whether the mapping asks for it."""
        return self in {Skip.ASKED, Skip.NULL}


class Skipped(NamedTuple):
    """A value that is not stored: what it would have been called, and why."""

    name: str
    reason: Skip
    detail: str


class Collected:
    """What comes together of one message: `samples` by (machine, tag, time).

    `from_arrival`: at least one has the time of arrival; `found_place`: something stood where values may stand.
    """

    def __init__(self, arrived_ns: int) -> None:
        self.arrived_ns = arrived_ns
        self.samples: dict[tuple[str, str, int], Reported] = {}
        self.skipped: list[Skipped] = []
        self.from_arrival = False
        self.found_place = False

    def make_room(self) -> None:
        """Raises OversizedPayload."""
        if len(self.samples) + len(self.skipped) >= VALUES_MOST:
            raise OversizedPayload(f"more than {VALUES_MOST} values in one message")


class _Unusable(IngestError):
    """This value cannot be used, for this reason and with these words."""


class Source:
    """One [[mapping.values]] table."""

    def __init__(self, settings: MappingSettings, values: ValueSettings) -> None:
        self._values = values
        self._path = path.parse(values.path)
        self._value = path.parse_single(values.value)
        self._quality = path.parse_single(values.quality) if values.quality else None
        self._good = {_code(code) for code in values.good}
        self._only = _any_of(values.only or ("*",))
        self._skip = _any_of(values.skip)
        self._numbers = _any_of(values.numbers_in_text)
        self._machine = template.parse(values.machine or settings.machine)
        self._tag = template.parse(values.tag or settings.tag)
        self._rename = settings.rename
        self._clock = _Clock(settings, values)

    def collect(self, record: Found, document: Any, into: Collected) -> None:
        """Add what stands in a record of the document. Raises OversizedPayload."""
        if self._path.one(record.value) is MISSING:
            return
        into.found_place = True
        for item in self._path.find(record.value, record.names):
            into.make_room()
            self._take(Spot(item.names, item.value, record.value, document), into)

    def _take(self, spot: Spot, into: Collected) -> None:
        tag = self._tag.text
        try:
            tag = _filled(self._tag, spot)
            if not self._wants(tag):
                raise _Unusable(Skip.ASKED, "left out by only or skip")
            machine = _filled(self._machine, spot)
            sample = self._reported(spot, tag)
            time_ns = self._clock.tell(spot, into)
            key = (self._name(machine), self._name(tag), time_ns)
            if key in into.samples:
                raise _Unusable(
                    Skip.TWICE, "another value of this message has its name and time; tell them apart by tag"
                )
            into.samples[key] = sample
        except _Unusable as unusable:
            reason, detail = unusable.args
            into.skipped.append(Skipped(tag[:100], reason, detail))

    def _name(self, text: str) -> str:
        return slug(self._rename.get(text, text))

    def _wants(self, tag: str) -> bool:
        return bool(self._only.match(tag)) and not self._skip.match(tag)

    def _reported(self, spot: Spot, tag: str) -> Reported:
        if self._values.bad or not self._is_good(spot):
            return NOTHING
        raw = self._value.one(spot.item)
        if raw is MISSING:
            raise _Unusable(Skip.NO_VALUE, f"there is no {self._value.text!r}")
        if raw is None and self._values.null == "skip":
            raise _Unusable(Skip.NULL, "null")
        try:
            return reported(raw, self._values.words, is_number=bool(self._numbers.match(tag)))
        except ValueError as error:
            raise _Unusable(Skip.NO_VALUE, str(error)) from error

    def _is_good(self, spot: Spot) -> bool:
        code = spot.look(self._quality) if self._quality else None
        return code is None or code is MISSING or _code(code) in self._good


class _Clock:
    """Tells the time of a value: its own, that of its record, that of the payload, or that of its arrival."""

    def __init__(self, settings: MappingSettings, values: ValueSettings) -> None:
        own = values.time or settings.time
        self._path = path.parse_single(own) if own else None
        self._unit = settings.time_unit
        self._zone = moment.zone(settings.time_zone)
        self._takes_arrival = settings.without_time == "arrival"

    def tell(self, spot: Spot, into: Collected) -> int:
        raw = spot.look(self._path) if self._path else MISSING
        if self._path is None or self._unit is None or (self._takes_arrival and raw in (MISSING, None)):
            into.from_arrival = True
            return into.arrived_ns
        if raw is MISSING:
            raise _Unusable(Skip.NO_TIME, f"there is no {self._path.text!r}")
        try:
            return moment.to_ns(raw, self._unit, self._zone)
        except ValueError as error:
            raise _Unusable(Skip.NO_TIME, str(error)) from error


def _filled(name: template.Template, spot: Spot) -> str:
    try:
        filled = name.fill(spot)
    except KeyError as error:
        raise _Unusable(Skip.NO_NAME, f"{name.text!r} needs {error.args[0]!r}, which is not there") from error
    if not 1 <= len(filled) <= NAME_MOST:
        raise _Unusable(
            Skip.NO_NAME, f"{name.text!r} becomes {filled[:20]!r} here: a name has 1 to {NAME_MOST} characters"
        )
    return filled


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for all; for none one that matches nothing."""
    return re.compile("|".join(translate(pattern) for pattern in patterns) or r"(?!)")


def _code(code: Any) -> Any:
    """Comparable: texts in any case; what is no code at all is like none."""
    if isinstance(code, str):
        return code.lower()
    return code if isinstance(code, int | float) else MISSING
