"""A tag as a Sparkplug metric: what its birth tells, and what its samples tell. Pure.

    float → Double, int → Int64, bool → Boolean, text → String; ns → ms
    GOOD 192, BAD 0 and null, UNCERTAIN 500 with its value; the reason in words is a property `Reason`

The specification knows the quality codes 0, 192 and 500 only, so UNCERTAIN is told as 500: a value that is there and
is not to be relied on.
"""

from edge_gateway.sparkplug.table import UNHEARD, Row
from protocols.sample import GOOD, Quality, quality_of, reason_of
from protocols.sparkplug.datatype import DataType, Simple
from protocols.sparkplug.records import Metric, Property, PropertySet
from protocols.wire.catalog import CatalogTag

TAG_ALIAS_FIRST = 100  # the ones below belong to the node itself

_DATATYPE = {
    "float": DataType.DOUBLE,
    "int": DataType.INT64,
    "bool": DataType.BOOLEAN,
    "text": DataType.STRING,
}
_QUALITY = {Quality.GOOD: 192, Quality.UNCERTAIN: 500, Quality.BAD: 0}
_NS_PER_MS = 1_000_000


def tag_birth(tag: CatalogTag, now: Row, sent_ms: int) -> Metric:
    """Everything about a tag. One of which nothing is known yet is null and stale."""
    properties = _properties(now)
    if tag.unit:
        properties = {"engUnit": Property(DataType.STRING, tag.unit), **properties}
    return Metric(
        name=tag.tag,
        datatype=_DATATYPE[tag.kind],
        value=now.value,
        alias=TAG_ALIAS_FIRST + tag.alias,
        timestamp_ms=sent_ms if now.code == UNHEARD else ms(now.time_ns),
        properties=properties,
    )


def tag_data(tag: CatalogTag, row: Row) -> Metric:
    """One sample; name and unit stand in the birth."""
    return Metric(
        datatype=_DATATYPE[tag.kind],
        value=row.value,
        alias=TAG_ALIAS_FIRST + tag.alias,
        timestamp_ms=ms(row.time_ns),
        is_historical=row.historical,
        properties=_properties(row) if row.told else {},
    )


def node_metric(name: str, datatype: DataType, value: Simple, alias: int | None, time_ms: int) -> Metric:
    """What the gateway says of itself."""
    return Metric(name=name, datatype=datatype, value=value, alias=alias, timestamp_ms=time_ms)


def ms(time_ns: int) -> int:
    """Sparkplug's time: whole milliseconds."""
    return max(time_ns, 0) // _NS_PER_MS


def _properties(row: Row) -> PropertySet:
    code = 500 if row.code == UNHEARD else _QUALITY[quality_of(row.code)]
    quality = {"Quality": Property(DataType.INT32, code)}
    if row.code in {GOOD, UNHEARD}:
        return quality
    return {**quality, "Reason": Property(DataType.STRING, reason_of(row.code))}
