"""SunSpec points become rows of a point table. Pure.

SunspecPoint(103: W at 14, int16, W_SF at 15) ──model at 40070──►
    {tag: w, address: holding:40084, type: int16, scale_register: holding:40085, missing: -32768, unit: W}
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from protocols.modbus.point import REGISTERS_MOST
from protocols.modbus.sunspec import PointDefinition, SunspecPoint

FIELDS = ("tag", "address", "type", "unit", "scale", "scale_register", "missing", "enum", "period_s", "note")
_STATIC_PERIOD_S = 60  # what does not change between two starts of the device


class _Read(NamedTuple):
    """How a SunSpec type is read: our type, and the raw number that means "not implemented"."""

    type: str
    missing: int | None


# SunSpec Device Information Model Specification, "Value Definitions". Of floats NaN is the marker, of strings zeros.
_READ = {
    "int16": _Read("int16", -0x8000),
    "uint16": _Read("uint16", 0xFFFF),
    "count": _Read("uint16", 0xFFFF),
    "acc16": _Read("uint16", 0),
    "enum16": _Read("uint16", 0xFFFF),
    "bitfield16": _Read("uint16", 0xFFFF),
    "int32": _Read("int32", -0x8000_0000),
    "uint32": _Read("uint32", 0xFFFF_FFFF),
    "acc32": _Read("uint32", 0),
    "enum32": _Read("uint32", 0xFFFF_FFFF),
    "bitfield32": _Read("uint32", 0xFFFF_FFFF),
    "ipaddr": _Read("uint32", 0),
    "int64": _Read("int64", -0x8000_0000_0000_0000),
    "uint64": _Read("uint64", 0xFFFF_FFFF_FFFF_FFFF),
    "acc64": _Read("uint64", 0),
    "bitfield64": _Read("uint64", 0xFFFF_FFFF_FFFF_FFFF),
    "eui48": _Read("uint48", 0xFFFF_FFFF_FFFF),
    "float32": _Read("float32", None),
    "float64": _Read("float64", None),
}
_NO_VALUE = frozenset({"pad", "sunssf"})
_HEAD = frozenset({"ID", "L"})


class Table(NamedTuple):
    """Rows for FIELDS, and a line for each point that cannot be a tag."""

    rows: list[dict[str, object]]
    left_out: list[str]


def table_of(points: Iterable[SunspecPoint], base: int, prefix: str = "") -> Table:
    """The points of a model whose id stands at `base`. Its id and length, paddings and scale factors are no tags."""
    rows: list[dict[str, object]] = []
    left_out = []
    taken: set[str] = set()
    for point in points:
        if point.definition.type in _NO_VALUE or (point.path in _HEAD and point.offset < len(_HEAD)):
            continue
        why = _unreadable(point)
        if why:
            left_out.append(f"{point.path} left out: {why}")
            continue
        tag = _name(prefix + point.path, taken)
        taken.add(tag)
        rows.append({"tag": tag, **_row(point, base)})
    return Table(rows, left_out)


def _unreadable(point: SunspecPoint) -> str:
    definition = point.definition
    if definition.type not in _READ and definition.type != "string":
        return f"a {definition.type} is no value that a tag can have"
    last = max(point.offset + definition.size, (point.exponent_offset or 0) + 1)
    first = min(point.offset, point.offset if point.exponent_offset is None else point.exponent_offset)
    if last - first > REGISTERS_MOST:
        what = "it is" if point.exponent_offset is None else "with its scale factor it is"
        return f"{what} {last - first} registers long, one answer brings {REGISTERS_MOST}"
    return ""


def _name(path: str, taken: set[str]) -> str:
    """A tag name: lower case, no two the same."""
    name = re.sub(r"[^a-z0-9_.-]", "_", path.lower()).lstrip("_.-")[:60]
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name}-{number}"
        number += 1
    return unique


def _row(point: SunspecPoint, base: int) -> dict[str, object]:
    definition = point.definition
    # The first register of an eui48 is always zero.
    at = base + point.offset + (definition.type == "eui48")
    read = _READ.get(definition.type) or _Read(f"string:{definition.size}", None)
    row: dict[str, object] = {"address": f"holding:{at}", "type": read.type, "missing": read.missing}
    row["unit"] = definition.units.strip()[:32]
    row["period_s"] = _STATIC_PERIOD_S if definition.static == "S" else None
    row["note"] = _note(definition)
    if point.exponent_offset is not None:
        row["scale_register"] = f"holding:{base + point.exponent_offset}"
    elif point.exponent:
        row["scale"] = float(f"1e{point.exponent}")
    elif definition.type.startswith("enum"):
        row["enum"] = _words(definition)
    return row


def _words(definition: PointDefinition) -> Mapping[str, str] | None:
    return {str(symbol.value): symbol.name for symbol in definition.symbols} or None


def _note(definition: PointDefinition) -> str:
    told = " ".join((definition.label or definition.desc or definition.name).split())
    if definition.type.startswith("bitfield") and definition.symbols:
        bits = ", ".join(f"{symbol.value} {symbol.name}" for symbol in definition.symbols)
        return f"{told}; bits: {bits}"
    return told
