"""From bytes to columns: the fast reader against asyncua's encoder, values against their types."""

import struct
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from protocols import UndecodablePayload
from protocols.opcua.binary import FIXED, Reader
from protocols.opcua.data_values import DataValues, read_data_values
from protocols.opcua.notifications import read_results
from protocols.opcua.points import Points
from protocols.opcua.settings import OpcuaTag
from protocols.opcua.values import columns, fit
from protocols.sample import Quality, quality_of, reason_of
from runtime.clock import NS_PER_S

NOW_NS = 1_760_000_000 * NS_PER_S
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
V = ua.VariantType


def points(*tags: dict[str, Any], text_bytes: int = 4096) -> Points:
    made = [OpcuaTag.model_validate({"tag": f"t{i}", "node": f"i={i}", **tag}) for i, tag in enumerate(tags)]
    return Points(dict(enumerate(made)), text_bytes)


def encoded(*values: ua.DataValue) -> DataValues:
    response = ua.ReadResponse(Results=list(values))
    body = struct_to_binary(response)
    header = struct_to_binary(response.ResponseHeader)
    return read_results(Reader(body, 4 + len(header)))


def one(tag: dict[str, Any], value: Any, kind: ua.VariantType, status: int = 0, text_bytes: int = 4096) -> Any:
    """Value, quality and reason of one value for one tag."""
    table = points(tag, text_bytes=text_bytes)
    values = encoded(ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status)))
    slots = table.slots([0])
    (column,) = columns(table, slots, values, np.array([NOW_NS]), fit(table, slots, values))
    code = int(column.code[0])
    return column.value.tolist()[0], quality_of(code).name, reason_of(code)


SCALARS = st.one_of(
    st.tuples(st.just(V.Double), st.floats(allow_nan=False)),
    st.tuples(st.just(V.Float), st.floats(width=32, allow_nan=False)),
    *[
        st.tuples(st.just(kind), st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
        for kind, bits in ((V.SByte, 8), (V.Int16, 16), (V.Int32, 32), (V.Int64, 64))
    ],
    *[
        st.tuples(st.just(kind), st.integers(0, (1 << bits) - 1))
        for kind, bits in ((V.Byte, 8), (V.UInt16, 16), (V.UInt32, 32), (V.UInt64, 64))
    ],
    st.tuples(st.just(V.Boolean), st.booleans()),
    st.tuples(st.just(V.String), st.text()),
    st.tuples(st.just(V.LocalizedText), st.text().map(lambda text: ua.LocalizedText(text, "en"))),
    st.tuples(st.just(V.Guid), st.uuids()),
)


@given(st.lists(st.tuples(SCALARS, st.sampled_from([0, 0x8031_0000]), st.booleans(), st.booleans()), max_size=12))
def test_many_values_are_read_as_asyncua_writes_them(items: list[Any]) -> None:
    ticks = ua.datetime_to_win_epoch(AT)
    notification = ua.DataChangeNotification()
    for handle, ((kind, value), status, source, server) in enumerate(items):
        data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status))
        data.SourceTimestamp = AT if source else None
        data.ServerTimestamp = AT if server else None
        notification.MonitoredItems.append(ua.MonitoredItemNotification(1000 + handle, data))
    reader = Reader(struct_to_binary(notification))
    values = read_data_values(reader, handles=True)
    reader.all_diagnostics(len(values))
    reader.finish()
    assert values.handle.tolist() == [1000 + i for i in range(len(items))]
    for place, ((kind, value), status, source, server) in enumerate(items):
        assert (values.type[place], values.status[place]) == (kind.value, status)
        assert (values.source[place], values.server[place]) == (ticks * source, ticks * server)
        if kind in (V.Double, V.Float):
            assert values.real[place] == value
        elif kind.value in FIXED:
            assert int(values.whole[place]) % (1 << 64) == int(value) % (1 << 64)
        else:
            text = value.Text if kind is V.LocalizedText else str(value)
            found = values.other[place]
            assert (found.decode() if isinstance(found, bytes) else found) == text


def test_picoseconds_stand_behind_their_time() -> None:
    """Part 6, 5.2.2.17; asyncua puts both behind the second time."""
    value = struct.pack("<BBdqHqH", 0x3D, 11, 1.5, 1000, 7, 2000, 9)
    values = read_data_values(Reader(struct.pack("<i", 1) + value), handles=False)
    assert (values.real[0], values.source[0], values.server[0]) == (1.5, 1000, 2000)


@pytest.mark.parametrize(
    "octets",
    [
        struct.pack("<i", 3),  # fewer values than said
        struct.pack("<iBBd", 1, 0x41, 11, 1.0),  # a reserved bit of the mask
        struct.pack("<i", -2),
        struct.pack("<iBBi", 1, 1, 12, -2),  # a text of negative length
        struct.pack("<iBBi", 1, 1, 12, 1000) + b"short",
        struct.pack("<iBBi", 1, 1, 0x80, 1 << 30),  # an array of a billion nothings
        struct.pack("<iBBi", 1, 1, 0x80 | 12, 1 << 30),
        struct.pack("<iBB", 1, 1, 63),  # no such type
        struct.pack("<iB", 1, 1) + b"\x98\x01\x00\x00\x00" * 50,  # variants in variants in variants
    ],
)
def test_what_does_not_fit_exactly_is_refused(octets: bytes) -> None:
    with pytest.raises(UndecodablePayload):
        read_data_values(Reader(octets), handles=False)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_read_or_refused(octets: bytes) -> None:
    try:
        read_data_values(Reader(octets), handles=bool(len(octets) % 2))
    except UndecodablePayload:
        return


STRUCTURE = ua.Argument()
VALUES: list[tuple[dict[str, Any], Any, ua.VariantType, tuple[Any, str, str]]] = [
    ({"type": "float64"}, 0.1, V.Double, (0.1, "GOOD", "none")),
    ({"type": "float64"}, 7, V.UInt32, (7.0, "GOOD", "none")),
    ({"type": "float64"}, 1 << 53, V.Int64, (9007199254740992.0, "GOOD", "none")),
    ({"type": "float64"}, (1 << 53) + 1, V.Int64, (0.0, "BAD", "out_of_range")),
    ({"type": "float64"}, (1 << 64) - 1, V.UInt64, (0.0, "BAD", "out_of_range")),
    ({"type": "float64"}, float("nan"), V.Double, (0.0, "BAD", "nan")),
    ({"type": "float32"}, float("-inf"), V.Float, (0.0, "BAD", "nan")),
    ({"type": "float64"}, True, V.Boolean, (0.0, "BAD", "undecodable")),
    ({"type": "float64"}, "5.5", V.String, (0.0, "BAD", "undecodable")),
    ({"type": "int8"}, -128, V.SByte, (-128, "GOOD", "none")),
    ({"type": "uint8"}, 255, V.Byte, (255, "GOOD", "none")),
    ({"type": "int64"}, -(1 << 63), V.Int64, (-(1 << 63), "GOOD", "none")),
    ({"type": "uint64"}, (1 << 63) - 1, V.UInt64, ((1 << 63) - 1, "GOOD", "none")),
    ({"type": "uint64"}, 1 << 63, V.UInt64, (0, "BAD", "out_of_range")),
    ({"type": "int32"}, 1.0, V.Double, (0, "BAD", "undecodable")),
    ({"type": "int32"}, 3, V.Int32, (3, "GOOD", "none")),  # an enumeration comes as Int32
    ({"type": "bool"}, True, V.Boolean, (1, "GOOD", "none")),
    ({"type": "bool"}, 1, V.Byte, (0, "BAD", "undecodable")),
    ({"type": "string"}, "泵", V.String, ("泵", "GOOD", "none")),
    ({"type": "string"}, None, V.String, ("", "GOOD", "none")),
    ({"type": "string"}, ua.LocalizedText("Pumpe", "de"), V.LocalizedText, ("Pumpe", "GOOD", "none")),
    ({"type": "string"}, ua.QualifiedName("auto", 2), V.QualifiedName, ("auto", "GOOD", "none")),
    ({"type": "string"}, uuid.UUID(int=5), V.Guid, (str(uuid.UUID(int=5)), "GOOD", "none")),
    ({"type": "string"}, ua.NodeId("x", 2), V.NodeId, ("ns=2;s=x", "GOOD", "none")),
    ({"type": "string"}, b"\x00\xfe", V.ByteString, ("00fe", "GOOD", "none")),
    ({"type": "string"}, b"\xff\xfe", V.String, ("", "BAD", "undecodable")),  # no UTF-8
    ({"type": "string"}, 1, V.Int32, ("", "BAD", "undecodable")),
    ({"type": "datetime"}, AT, V.DateTime, ("2026-01-02T03:04:05.678901Z", "GOOD", "none")),
    ({"type": "datetime"}, "2026", V.String, ("", "BAD", "undecodable")),
    ({"type": "float64"}, [1.0, 2.0], V.Double, (0.0, "BAD", "undecodable")),
    ({"type": "float64", "index": 1}, [1.0, 2.0], V.Double, (2.0, "GOOD", "none")),
    ({"type": "float64", "index": 2}, [1.0, 2.0], V.Double, (0.0, "BAD", "undecodable")),
    ({"type": "float64", "index": 3}, [[1.0, 2.0], [3.0, 4.0]], V.Double, (4.0, "GOOD", "none")),
    ({"type": "float64", "index": 0}, 1.0, V.Double, (0.0, "BAD", "undecodable")),
    ({"type": "string", "index": 1}, ["a", "b"], V.String, ("b", "GOOD", "none")),
    ({"type": "bool", "index": 1}, [False, True], V.Boolean, (1, "GOOD", "none")),
    ({"type": "float64"}, STRUCTURE, V.ExtensionObject, (0.0, "BAD", "undecodable")),
    ({"type": "string"}, STRUCTURE, V.ExtensionObject, ("", "BAD", "undecodable")),
    ({"type": "float64"}, None, V.Null, (0.0, "BAD", "undecodable")),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "value", "kind", "expected"), VALUES)
def test_a_value_of_each_kind(tag: dict[str, Any], value: Any, kind: ua.VariantType, expected: Any) -> None:
    assert one(tag, value, kind) == expected


def test_what_the_server_says_of_a_value_goes_with_it() -> None:
    assert one({}, 1.5, V.Double, 0x4090_0000) == (1.5, "UNCERTAIN", "stale")
    assert one({}, 1.5, V.Double, 0x0480) == (1.5, "UNCERTAIN", "overrun")
    assert one({}, 1.5, V.Double, 0x8000_0000) == (0.0, "BAD", "device_reported")
    assert one({"type": "string"}, "x", V.String, 0x8031_0000) == ("", "BAD", "disconnected")


def test_a_long_text_is_cut_between_two_characters() -> None:
    text, quality, reason = one({"type": "string"}, "泵" * 10, V.String, text_bytes=16)
    assert (text, quality, reason) == ("泵" * 5, "UNCERTAIN", "clamped")
    assert one({"type": "string"}, "0123456789abcdef", V.String, text_bytes=16)[1] == "GOOD"


def test_a_type_that_changes_is_believed_when_it_comes_twice() -> None:
    """A flipped bit makes an Int32 of a Float; a server that was changed says so more than once."""
    table = points({"type": "float64"}, {"type": "float64"})
    slots = table.slots([0, 1])

    def quality(value: Any, kind: ua.VariantType) -> list[Any]:
        values = encoded(ua.DataValue(ua.Variant(value, kind)), ua.DataValue(ua.Variant(0.5, V.Float)))
        return [Quality(int(code) >> 8).name for code in fit(table, slots, values)]

    assert quality(0.5, V.Float) == ["GOOD", "GOOD"]
    assert quality(1056964608, V.Int32) == ["BAD", "GOOD"]
    assert quality(0.5, V.Float) == ["GOOD", "GOOD"]
    assert quality(1056964608, V.Int32) == ["BAD", "GOOD"]
    assert quality(1056964608, V.Int32) == ["GOOD", "GOOD"]
    assert quality(0.5, V.Double) == ["GOOD", "GOOD"], "another width cannot be a flipped bit"


def test_what_is_odd_is_said_once() -> None:
    table = points({"type": "float64"}, {"type": "int32"})
    slots = table.slots([0, 1])
    for _ in range(2):
        fit(table, slots, encoded(ua.DataValue(ua.Variant([1.0])), ua.DataValue(ua.Variant("x"))))
    assert [(tag.tag, text) for tag, text in table.take_notices()] == [
        ("t0", "it is an array; index = 0, 1, … chooses an element"),
        ("t1", "the server sends String, which is no int32; set its type"),
    ]
    fit(table, slots, encoded(ua.DataValue(ua.Variant([1.0])), ua.DataValue(ua.Variant("x"))))
    assert table.take_notices() == []


def test_variants_of_all_types_can_be_stepped_over() -> None:
    for value, kind in [
        (ua.ExpandedNodeId("x", 2, NamespaceUri="urn:x", ServerIndex=3), V.ExpandedNodeId),
        (ua.DataValue(ua.Variant(1.0), SourceTimestamp=datetime.now(UTC)), V.DataValue),
        ([ua.Variant(1.0), ua.Variant([1, 2])], V.Variant),
        (ua.DiagnosticInfo(SymbolicId=1), V.DiagnosticInfo),
        ([STRUCTURE, STRUCTURE], V.ExtensionObject),
        (ua.XmlElement("<a/>"), V.XmlElement),
    ]:
        reader = Reader(variant_to_binary(ua.Variant(value, kind)))
        assert reader.variant().type == kind.value
        reader.finish()
