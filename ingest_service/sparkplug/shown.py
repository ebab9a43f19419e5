"""What a metric shows as samples: which value, which quality, which unit; and what becomes of structures. Pure.

number, boolean, text      ─► itself             DateTime      ─► ms since 1970
array, data set            ─► JSON text          bytes, file   ─► JSON text: size, SHA-256, content up to 4 KiB
instance of a template     ─► a tag for each member, `name/member`; definitions and parameters are no tags
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from pydantic_core import to_json

from protocols.sample import GOOD, Quality, Reason, Value, ValueKind, bad, quality_code
from protocols.sparkplug.datatype import INTEGERS, DataType
from protocols.sparkplug.records import DataSet, Metric, Property, PropertySet, Template

_BLOB_BYTES_MOST = 4096
_TEXT_LETTERS_MOST = 65_536
_UNIT_LETTERS_MOST = 32
_GOOD, _STALE, _BAD = 192, 500, 0
_UNITS = ("engUnit", "Engineering Units", "EngUnit", "unit")


def kind_of(datatype: DataType) -> ValueKind:
    """The kind of column its values stand in. UInt64 goes beyond our integers and is a float."""
    if datatype in {DataType.FLOAT, DataType.DOUBLE, DataType.UINT64}:
        return ValueKind.FLOAT
    if datatype in INTEGERS:
        return ValueKind.INT
    return ValueKind.BOOL if datatype is DataType.BOOLEAN else ValueKind.TEXT


def leaves(metric: Metric, path: str) -> Iterator[tuple[str, Metric]]:
    """The metric itself, or the members of a template instance, each with its path."""
    if metric.datatype is not DataType.TEMPLATE and not isinstance(metric.value, Template):
        yield path, metric
    elif isinstance(metric.value, Template) and not metric.value.is_definition:
        for member in metric.value.metrics:
            if member.name:
                told = member.timestamp_ms or metric.timestamp_ms
                yield from leaves(replace(member, timestamp_ms=told), f"{path}/{member.name}")


def value_of(metric: Metric) -> tuple[Value | None, int]:
    """Value and quality code of a metric that is no template."""
    if metric.fault:
        return None, bad(Reason.UNDECODABLE)
    code = quality_of(metric.properties)
    if metric.value is None:
        return None, bad(code & 0xFF or Reason.DEVICE_REPORTED)
    if code >> 8 == Quality.BAD:
        return None, code
    value = _plain(metric)
    if isinstance(value, str) and len(value) > _TEXT_LETTERS_MOST:
        return None, bad(Reason.OUT_OF_RANGE)
    if metric.datatype is not DataType.UINT64 and isinstance(value, int) and value >= 1 << 63:
        return None, bad(Reason.OUT_OF_RANGE)
    return value, code


def _plain(metric: Metric) -> Value:
    value = metric.value
    if isinstance(value, DataSet):
        types = [datatype.name for datatype in value.types]
        return _json({"columns": value.columns, "types": types, "rows": value.rows})
    if isinstance(value, tuple):
        return _json(value)
    if isinstance(value, bytes):
        return _blob(value, metric)
    assert isinstance(value, (int, float, str))
    return value


def _blob(data: bytes, metric: Metric) -> str:
    told: dict[str, object] = {"size": len(data), "sha256": sha256(data).hexdigest()}
    if metric.metadata and metric.metadata.file_name:
        told["file_name"] = metric.metadata.file_name
    if len(data) <= _BLOB_BYTES_MOST:
        told["base64"] = base64.b64encode(data).decode()
    return _json(told)


def _json(value: object) -> str:
    """JSON knows neither NaN nor infinity: null."""
    return to_json(value, inf_nan_mode="null").decode()


def quality_of(properties: PropertySet) -> int:
    """The quality code of a property `Quality`: 192 good, 500 stale, 0 bad; without it, good.

    A property `Reason` in our words, as our own edge node tells it, says why.
    """
    told = properties.get("Quality")
    if told is None or told.value == _GOOD:
        return GOOD
    quality = Quality.BAD if told.value == _BAD else Quality.UNCERTAIN
    usual = Reason.STALE if told.value == _STALE else Reason.DEVICE_REPORTED
    return quality_code(quality, _reason(properties.get("Reason")) or usual)


def _reason(told: Property | None) -> int | None:
    word = str(told.value).upper() if told else ""
    kind, _, number = word.partition("_")
    if kind == "EXCEPTION" and number.isdecimal() and 0 < int(number) < 256 - Reason.EXCEPTION_0:
        return Reason.EXCEPTION_0 + int(number)
    return Reason.__members__.get(word)


def unit_of(properties: PropertySet) -> str:
    """The engineering unit that the properties tell, or none."""
    for name in _UNITS:
        told = properties.get(name)
        if told and isinstance(told.value, str):
            return told.value.replace("\0", "")[:_UNIT_LETTERS_MOST]  # PostgreSQL has no zero in a text
    return ""
