"""Payloads: bytes → `Payload` and back.

A value that cannot be understood never costs its neighbours: its metric comes out with `fault` and without value.
What costs the whole payload: it is no protobuf, or larger than the limits, which are counted before it is unfolded.
"""

from dataclasses import replace

from google.protobuf.message import DecodeError

from protocols import OversizedPayload, UndecodablePayload
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.fold import fold_metric
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.sparkplug_b_pb2 import Payload as Wire
from protocols.sparkplug.unfold import Unfolding, text, understand_any

PAYLOAD_BYTES_MOST = 4 << 20
_UNFOLDED_BYTES_MOST = 45_000_000
_SMALL = 256 << 10  # unfolds to 15 MB at most
# First byte of a nested message, and what the shortest one of that tag costs in memory: metrics and properties,
# parameters, rows, cells and keys.
_COST = {b"\x12": 102, b"\x1a": 70, b"\x22": 27, b"\x0a": 44}


def parse(data: bytes) -> Wire:
    """The bytes as protobuf's own message, for those who want columns instead of records.

    Raises:
        OversizedPayload, UndecodablePayload
    """
    if len(data) > PAYLOAD_BYTES_MOST:
        raise OversizedPayload(f"{len(data)} bytes, at most {PAYLOAD_BYTES_MOST} are taken")
    if len(data) > _SMALL and sum(data.count(tag) * cost for tag, cost in _COST.items()) > _UNFOLDED_BYTES_MOST:
        raise OversizedPayload("unfolds to more than is taken")
    try:
        return Wire.FromString(data)
    except DecodeError as error:
        raise UndecodablePayload(f"no Sparkplug B payload: {error}") from error


def decode(data: bytes) -> Payload:
    """Raises OversizedPayload, UndecodablePayload."""
    wire = parse(data)
    unfolding = Unfolding()
    return Payload(
        wire.timestamp if wire.HasField("timestamp") else None,
        tuple(unfolding.metric(metric) for metric in wire.metrics),
        wire.seq if wire.HasField("seq") else None,
        text(wire.uuid) if wire.HasField("uuid") else None,
        wire.body if wire.HasField("body") else None,
    )


def typed(metric: Metric, datatype: DataType) -> Metric:
    """A metric of a DATA or CMD message, its value understood as the datatype that its birth told."""
    if metric.value is None or metric.datatype is not None:
        return metric
    try:
        return replace(metric, datatype=datatype, value=understand_any(datatype, metric.value))
    except UndecodablePayload as error:
        return replace(metric, datatype=datatype, value=None, fault=str(error))


def encode(payload: Payload, *, with_datatypes: bool = True) -> bytes:
    """A payload as bytes. Every metric needs its datatype; DATA and CMD messages do not send it.

    Raises:
        Unencodable: a value does not fit its datatype.
    """
    wire = Wire(timestamp=payload.timestamp_ms, seq=payload.seq, uuid=payload.uuid, body=payload.body)
    for metric in payload.metrics:
        fold_metric(metric, wire.metrics, with_datatype=with_datatypes)
    return wire.SerializeToString()
