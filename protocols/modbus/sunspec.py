"""SunSpec information models: the published register maps of inverters, meters, batteries. Pure.

    model_103.json ──parse──► SunspecModel ──groups repeated, offsets counted──► SunspecPoints

A model begins with its id and its length; a device holds a chain of models behind the marker "SunS". The models are
published at github.com/sunspec/models; their JSON form is described in its schema.json.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols import ProtocolsError

HEAD_REGISTERS = 2  # id and length, which the length does not count


class BadSunspecModel(ProtocolsError):
    """The file is no SunSpec model in JSON; the text says what is missing."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Symbol(_Part):
    """A name for a value of an enumeration, or for a bit of a bit field."""

    name: str
    value: int


class PointDefinition(_Part):
    """A point as the model defines it."""

    name: str
    type: str
    size: int = Field(ge=1)
    sf: str | int | None = None
    units: str = ""
    label: str = ""
    desc: str = ""
    static: str = ""
    symbols: tuple[Symbol, ...] = ()


class Group(_Part):
    """Points in a row, then groups. `count`: how often it stands there; a text names the point that says it."""

    name: str
    count: int | str | None = None
    points: tuple[PointDefinition, ...] = ()
    groups: "tuple[Group, ...]" = ()

    @property
    def size(self) -> int:
        """Registers of one instance, its repeated groups not counted."""
        inner = sum(group.size for group in self.groups if group.count is None)
        return sum(point.size for point in self.points) + inner


class SunspecModel(_Part):
    """One model."""

    id: int
    group: Group


@dataclass(frozen=True, slots=True)
class SunspecPoint:
    """A point in its place: `offset` registers behind the id of its model. `path`: groups and name, module_2.DCA.

    Its value is raw · 10^n, where n is `exponent`, or stands in the register at `exponent_offset`.
    """

    path: str
    offset: int
    definition: PointDefinition
    exponent: int = 0
    exponent_offset: int | None = None


# How many instances of a group begin at this offset, the offsets of the points around it being known.
Counts = Callable[[Group, int, Mapping[str, int]], int]


def parse(text: str) -> SunspecModel:
    """Raises BadSunspecModel."""
    try:
        return SunspecModel.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadSunspecModel(f"{where}: {first['msg']}; a model is JSON with an id and a group of points") from error


def each(repeat: int) -> Counts:
    """Groups whose number only the device knows: `repeat` of them."""
    return lambda group, _at, _around: group.count if isinstance(group.count, int) and group.count else repeat


def as_in(registers: Sequence[int]) -> Counts:
    """Groups as the device has them: `registers` are the model's, from its id to its end."""

    def count(group: Group, at: int, around: Mapping[str, int]) -> int:
        if isinstance(group.count, str):
            place = around.get(group.count, len(registers))
            return registers[place] if place < len(registers) else 0
        return group.count or max(0, len(registers) - at) // max(1, group.size)

    return count


def points_of(model: SunspecModel, counts: Counts) -> list[SunspecPoint]:
    """All points in the order of their registers, paddings and scale factors too.

    Raises:
        BadSunspecModel: a scale factor or a count is not there.
    """
    found: list[SunspecPoint] = []
    end = _lay(model.group, _Place("", 0, {}), counts, found)
    if end > 0xFFFF:
        raise BadSunspecModel(f"model {model.id} would be {end} registers long; repeat less")
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an instance of a group begins, and the offsets of the points that it can name."""

    path: str
    at: int
    around: Mapping[str, int]


def _lay(group: Group, place: _Place, counts: Counts, found: list[SunspecPoint]) -> int:
    """Lay out one instance; returns the offset behind it."""
    at, own = place.at, dict[str, int]()
    for point in group.points:
        own[point.name] = at
        at += point.size
    around = {**place.around, **own}
    found += [_placed(point, own[point.name], place.path, around) for point in group.points]
    for inner in group.groups:
        repeated = inner.count is not None
        if isinstance(inner.count, str) and inner.count not in around:
            raise BadSunspecModel(f"group {inner.name} is counted by {inner.count}, which is no point")
        for number in range(1, (counts(inner, at, around) if repeated else 1) + 1):
            name = f"{inner.name}_{number}" if repeated else inner.name
            at = _lay(inner, _Place(f"{place.path}{name}.", at, around), counts, found)
    return at


def _placed(point: PointDefinition, offset: int, path: str, around: Mapping[str, int]) -> SunspecPoint:
    name = path + point.name
    if point.sf is None or isinstance(point.sf, int):
        return SunspecPoint(name, offset, point, exponent=point.sf or 0)
    if point.sf not in around:
        raise BadSunspecModel(f"point {name} has the scale factor {point.sf}, which is no point")
    return SunspecPoint(name, offset, point, exponent_offset=around[point.sf])
