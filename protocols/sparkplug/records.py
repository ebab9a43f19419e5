"""What a Sparkplug payload holds, in Python's own types. A value of None is null.

Payload ─ Metric ─┬─ simple value: int, float, bool, str; bytes; array as a tuple
                  ├─ DataSet: columns and rows
                  ├─ Template ─ Metric …, Parameter …
                  └─ properties: name → Property ─ simple value, set of properties, list of sets
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from protocols.sparkplug.arrays import Array
from protocols.sparkplug.datatype import DataType, Simple

PropertySet = Mapping[str, "Property"]
Value = Union[Simple, bytes, Array, "DataSet", "Template"]


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a metric."""

    datatype: DataType | None
    value: Simple | PropertySet | tuple[PropertySet, ...] | None


@dataclass(frozen=True, slots=True)
class DataSet:
    """A table: a name and a datatype for each column."""

    columns: tuple[str, ...]
    types: tuple[DataType, ...]
    rows: tuple[tuple[Simple | None, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a template."""

    name: str
    datatype: DataType
    value: Simple | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A definition (`ref` is None), or an instance of the definition whose metric is named `ref`."""

    metrics: tuple["Metric", ...] = ()
    parameters: tuple[Parameter, ...] = ()
    ref: str | None = None
    version: str | None = None
    is_definition: bool = False


@dataclass(frozen=True, slots=True)
class MetaData:
    """What is told about a file, a text, bytes, or a part of them."""

    is_multi_part: bool | None = None
    content_type: str | None = None
    size: int | None = None
    seq: int | None = None
    file_name: str | None = None
    file_type: str | None = None
    md5: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One value. In a message without datatype the value is as it stood on the wire, see `payload.typed`.

    `fault` tells why the value could not be understood; it is None then.
    """

    name: str | None = None
    datatype: DataType | None = None
    value: Value | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    is_historical: bool = False
    is_transient: bool = False
    properties: PropertySet = field(default_factory=dict)
    metadata: MetaData | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """One message."""

    timestamp_ms: int | None = None
    metrics: tuple[Metric, ...] = ()
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None
