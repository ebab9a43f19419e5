"""What OPC UA values mean as columns. Pure: a value that is none of its tag's kind is BAD, never bent.

    Points, DataValues ──fit──► quality codes, values cleaned ──columns──► Columns

An integer is taken for a float only when a float holds it exactly. A value that comes in another type than the one
before, with the same number of bytes, is not believed until that type has come twice: a flipped bit looks just so.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from protocols.opcua.binary import ARRAY, BOOLEAN, BYTE_STRING, DATE_TIME, DOUBLE, FLOAT, INTEGERS, TEXTS, UINT64
from protocols.opcua.data_values import DataValues
from protocols.opcua.points import Points, Slots
from protocols.opcua.quality import codes_of
from protocols.sample import DTYPE_OF, GOOD, Column, Columns, Quality, Reason, ValueKind, quality_code

Codes = NDArray[np.uint16]

BAD = Quality.BAD << 8
_CLAMPED = quality_code(Quality.UNCERTAIN, Reason.CLAMPED)
_EXACT_MOST = 1 << 53
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NAMES = (
    "null", "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double",
    "String", "DateTime", "Guid", "ByteString", "XmlElement", "NodeId", "ExpandedNodeId", "StatusCode",
    "QualifiedName", "LocalizedText", "ExtensionObject", "DataValue", "Variant", "DiagnosticInfo",
)  # fmt: skip
_STRUCTURE = 22  # and above: nothing that one tag could hold
_IS_INT = np.isin(np.arange(256), list(INTEGERS))
_IS_REAL = np.isin(np.arange(256), (FLOAT, DOUBLE))
_BYTES = np.zeros(256, np.uint8)
_BYTES[1:12] = (1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8)


def fit(points: Points, slots: Slots, values: DataValues) -> Codes:
    """The quality code of each value; changes the values to what their tags are. The value of a BAD one is nothing."""
    if (values.type & ARRAY).any() or (points.index[slots] >= 0).any():
        _pick(points, slots, values)
    code = codes_of(values.status)
    reason = np.zeros(len(values), np.uint16)
    kind = points.kind[slots]
    is_int, is_real = _IS_INT[values.type], _IS_REAL[values.type]
    huge = (values.type == UINT64) & (values.whole < 0)
    floats = kind == ValueKind.FLOAT
    widened = floats & is_int
    values.real[widened] = values.whole[widened]
    reason[floats & ~np.isfinite(values.real)] = Reason.NAN
    reason[widened & (huge | (values.whole > _EXACT_MOST) | (values.whole < -_EXACT_MOST))] = Reason.OUT_OF_RANGE
    reason[(kind == ValueKind.INT) & huge] = Reason.OUT_OF_RANGE
    strange = (floats & ~(is_int | is_real)) | ((kind == ValueKind.INT) & ~is_int)
    strange |= (kind == ValueKind.BOOL) & (values.type != BOOLEAN)
    strange |= _changed_type(points, slots, values, code)
    reason[strange] = Reason.UNDECODABLE
    for place in np.flatnonzero((kind == ValueKind.TEXT) & (code < BAD)).tolist():
        _fit_text(points, int(slots[place]), values, place, (code, reason))
    code = np.where((reason > 0) & (code < BAD), BAD | reason, code).astype(np.uint16)
    _notice(points, slots, values, strange & (code >= BAD))
    values.real[code >= BAD] = 0.0
    values.whole[code >= BAD] = 0
    return code


def columns(points: Points, slots: Slots, values: DataValues, time_ns: NDArray[np.int64], code: Codes) -> Columns:
    """Fitted values as one column a kind."""
    kinds = points.kind[slots]
    made = []
    for kind in sorted(set(kinds.tolist())):
        at = np.flatnonzero(kinds == kind)
        if kind == ValueKind.TEXT:
            value = np.empty(len(at), object)
            value[:] = ["" if code[i] >= BAD else values.other[i] for i in at.tolist()]
        else:
            value = (values.real if kind == ValueKind.FLOAT else values.whole)[at].astype(DTYPE_OF[ValueKind(kind)])
        made.append(Column(ValueKind(kind), points.alias[slots[at]], time_ns[at], value, code[at]))
    return tuple(made)


def _pick(points: Points, slots: Slots, values: DataValues) -> None:
    """Put the element that a tag wants in place of its array; what has none keeps a type that nothing fits."""
    for place in np.flatnonzero((points.index[slots] >= 0) | (values.type & ARRAY > 0)).tolist():
        slot, kind = int(slots[place]), int(values.type[place])
        index, items = int(points.index[slot]), values.other.get(place)
        if not kind & ARRAY:
            points.notice(slot, "it is no array; leave index out")
            values.type[place] = ARRAY if kind else 0
        elif index < 0:
            points.notice(slot, "it is an array; index = 0, 1, … chooses an element")
        elif not isinstance(items, list) or index >= len(items):
            points.notice(slot, f"its array has no element {index}")
        else:
            values.put(place, kind & ~ARRAY, items[index])


def _changed_type(points: Points, slots: Slots, values: DataValues, code: Codes) -> NDArray[np.bool_]:
    """Where a value is not believed because its type changed."""
    usable = (values.type > 0) & (values.type < ARRAY) & (code < BAD)
    shown = points.shown[slots]
    odd: NDArray[np.bool_] = usable & (shown > 0) & (values.type != shown) & (_BYTES[values.type] == _BYTES[shown])
    odd &= (_BYTES[shown] < 8) | (points.kind[slots] != ValueKind.FLOAT)  # there, what a float does not hold gives away
    points.shown[slots[usable & ~odd]] = values.type[usable & ~odd]
    points.doubted[slots[usable & ~odd]] = 0
    for place in np.flatnonzero(odd).tolist():
        slot, kind = slots[place], values.type[place]
        odd[place] = points.doubted[slot] != kind and points.shown[slot] != kind
        points.doubted[slot] = kind
        if not odd[place]:
            points.shown[slot] = kind
    return odd


def _fit_text(
    points: Points, slot: int, values: DataValues, place: int, told: tuple[Codes, NDArray[np.uint16]]
) -> None:
    code, reason = told
    kind = int(values.type[place])
    try:
        text = _date(int(values.whole[place])) if points.is_date[slot] else _text(kind, values.other.get(place))
    except (UnicodeDecodeError, OverflowError):
        reason[place] = Reason.UNDECODABLE
        return
    if points.is_date[slot] != (kind == DATE_TIME) or text is None:
        _notice_type(points, slot, kind)
        reason[place] = Reason.UNDECODABLE
        return
    octets = text.encode()
    if len(octets) > points.text_bytes_most:
        text = octets[: points.text_bytes_most].decode(errors="ignore")
        code[place] = _CLAMPED if code[place] == GOOD else code[place]
    values.other[place] = text


def _text(kind: int, value: object) -> str | None:
    if kind not in TEXTS:
        return None
    if isinstance(value, bytes):
        return value.hex() if kind == BYTE_STRING else value.decode()
    return value if isinstance(value, str) else None


def _date(ticks: int) -> str:
    return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _notice(points: Points, slots: Slots, values: DataValues, strange: NDArray[np.bool_]) -> None:
    for place in np.flatnonzero(strange & (values.type > 0) & (values.type < ARRAY)).tolist():
        _notice_type(points, int(slots[place]), int(values.type[place]))


def _notice_type(points: Points, slot: int, kind: int) -> None:
    name = _NAMES[kind] if kind < len(_NAMES) else f"type {kind}"
    if _STRUCTURE <= kind < ARRAY:
        points.notice(slot, f"it is a {name}, which no tag can hold; choose the nodes of its fields")
    elif 0 < kind < ARRAY:
        points.notice(slot, f"the server sends {name}, which is no {points.tags[slot].type}; set its type")
