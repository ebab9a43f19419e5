"""The codec: what other implementations wrote, what we write, what is refused, what is bounded."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import OversizedPayload, UndecodablePayload
from protocols.sparkplug import Unencodable
from protocols.sparkplug.arrays import pack, unpack
from protocols.sparkplug.datatype import INTEGERS, DataType
from protocols.sparkplug.payload import PAYLOAD_BYTES_MOST, decode, encode, parse, typed
from protocols.sparkplug.records import DataSet, Metric, Parameter, Payload, Property, Template
from protocols.sparkplug.sparkplug_b_pb2 import Payload as Wire
from protocols.sparkplug.unfold import RECORDS_MOST
from tests.sparkplug.vectors import payload_of

VECTORS: list[dict[str, Any]] = json.loads(Path("tests/golden/sparkplug_vectors.json").read_text())["vectors"]
OURS = [vector for vector in VECTORS if vector["by"] == "linewright"]


def one(metric: Metric) -> Metric:
    return decode(encode(Payload(1, (metric,), 0))).metrics[0]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['by']}: {vector['what']}")
def test_payloads_of_every_implementation_are_understood(vector: dict[str, Any]) -> None:
    assert decode(bytes.fromhex(vector["hex"])) == payload_of(vector["payload"])


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: vector["what"])
def test_what_we_write_does_not_move(vector: dict[str, Any]) -> None:
    assert encode(payload_of(vector["payload"])).hex() == vector["hex"]


def test_the_vectors_would_notice_another_value() -> None:
    vector = OURS[0]
    damaged = bytearray.fromhex(vector["hex"])
    damaged[-5] ^= 1
    assert decode(bytes(damaged)) != payload_of(vector["payload"])


@pytest.mark.parametrize(
    ("datatype", "elements", "told"),
    [  # the examples of the specification, chapter 6.4.16
        (DataType.INT8_ARRAY, (-23, 123), "E97B"),
        (DataType.INT16_ARRAY, (-30000, 30000), "D08A3075"),
        (DataType.INT32_ARRAY, (-1, 315338746), "FFFFFFFFFAAFCB12"),
        (DataType.UINT8_ARRAY, (23, 250), "17FA"),
        (DataType.UINT16_ARRAY, (30, 52360), "1E0088CC"),
        (DataType.UINT32_ARRAY, (52, 3293969225), "3400000049FB55C4"),
        (DataType.BOOLEAN_ARRAY, (False, False, True, True, False, True, False, False, True, True, False, True),
         "0C00000034D0"),
        (DataType.STRING_ARRAY, ("ABC", "hello"), "4142430068656C6C6F00"),
    ],
)  # fmt: skip
def test_arrays_are_packed_as_the_specification_shows(datatype: DataType, elements: Any, told: str) -> None:
    assert pack(datatype, elements).hex().upper() == told
    assert unpack(datatype, bytes.fromhex(told)) == elements


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        (DataType.INT32_ARRAY, b"\0\0\0"),
        (DataType.BOOLEAN_ARRAY, b"\0"),
        (DataType.BOOLEAN_ARRAY, b"\x09\0\0\0\xff"),
        (DataType.BOOLEAN_ARRAY, b"\xff\xff\xff\xff\xff"),
        (DataType.STRING_ARRAY, b"abc"),
        (DataType.STRING_ARRAY, b"\xff\0"),
    ],
)
def test_damaged_arrays_are_refused(datatype: DataType, data: bytes) -> None:
    with pytest.raises(UndecodablePayload):
        unpack(datatype, data)


@pytest.mark.parametrize("datatype", INTEGERS)
def test_integers_reach_their_ends_and_no_further(datatype: DataType) -> None:
    integer = INTEGERS[datatype]
    for value in (integer.low, -1 if integer.signed else 1, 0, integer.high):
        assert one(Metric("m", datatype, value)).value == value
    for beyond in (integer.low - 1, integer.high + 1):
        with pytest.raises(Unencodable):
            encode(Payload(1, (Metric("m", datatype, beyond),)))


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        ("int_value", 0xFF, -1),
        ("int_value", 0xFFFFFFFF, -1),
        ("long_value", (1 << 64) - 1, -1),
        ("int_value", 0x80, -128),
    ],
)
def test_every_width_of_a_negative_number_is_read(field: str, raw: int, value: int) -> None:
    wire = Wire()
    wire.metrics.add(name="m", datatype=DataType.INT8, **{field: raw})
    assert decode(wire.SerializeToString()).metrics[0].value == value


def test_a_number_beyond_its_datatype_is_a_fault_of_this_metric_alone() -> None:
    wire = Wire()
    wire.metrics.add(name="bad", datatype=DataType.INT8, int_value=300)
    wire.metrics.add(name="good", datatype=DataType.INT8, int_value=3)
    bad, good = decode(wire.SerializeToString()).metrics
    assert (bad.value, good.value) == (None, 3)
    assert "300 is no INT8" in bad.fault


FAULTS: dict[str, Callable[[Any], object]] = {
    "datatype 99 is unknown": lambda metric: setattr(metric, "datatype", 99),
    "DOUBLE does not travel as str": lambda metric: setattr(metric, "string_value", "x"),
    "3 columns with": lambda metric: (setattr(metric, "datatype", 16), metric.dataset_value.columns.append("a"),
                                      setattr(metric.dataset_value, "num_of_columns", 3)),
    "a row of 0 cells": lambda metric: (setattr(metric, "datatype", 16), metric.dataset_value.columns.append("a"),
                                        metric.dataset_value.types.append(1), metric.dataset_value.rows.add(),
                                        setattr(metric.dataset_value, "num_of_columns", 1)),
    "simple values only": lambda metric: (setattr(metric, "datatype", 16), metric.dataset_value.columns.append("a"),
                                          metric.dataset_value.types.append(19),
                                          setattr(metric.dataset_value, "num_of_columns", 1)),
    "definition has no reference": lambda metric: (setattr(metric, "datatype", 19),
                                                   setattr(metric.template_value, "is_definition", True),
                                                   setattr(metric.template_value, "template_ref", "T")),
    "an instance needs one": lambda metric: (setattr(metric, "datatype", 19),
                                             setattr(metric.template_value, "is_definition", False)),
    "parameter of a template needs": lambda metric: (setattr(metric, "datatype", 19),
                                                     setattr(metric.template_value, "template_ref", "T"),
                                                     metric.template_value.parameters.add(type=1)),
    "elements have 4": lambda metric: (setattr(metric, "datatype", 24), setattr(metric, "bytes_value", b"abc")),
}  # fmt: skip


@pytest.mark.parametrize("reason", FAULTS)
def test_what_cannot_be_understood_says_why(reason: str) -> None:
    wire = Wire()
    FAULTS[reason](wire.metrics.add(name="m", datatype=DataType.DOUBLE))
    metric = decode(wire.SerializeToString()).metrics[0]
    assert metric.value is None
    assert reason in metric.fault


def test_data_without_datatype_is_understood_by_that_of_its_birth() -> None:
    born = (
        Metric("i", DataType.INT16, -5, alias=1),
        Metric("s", DataType.STRING, "x", alias=2),
        Metric("a", DataType.INT8_ARRAY, (-1, 2), alias=3),
        Metric("d", DataType.DATASET, DataSet(("a",), (DataType.INT8,), ((-1,), (None,))), alias=4),
        Metric("n", DataType.INT16, None, alias=5),
    )
    raw = encode(Payload(1, tuple(replace(metric, name=None) for metric in born)), with_datatypes=False)
    told = decode(raw).metrics
    assert {metric.datatype for metric in told} == {None}
    understood = [typed(metric, birth.datatype) for metric, birth in zip(told, born, strict=True) if birth.datatype]
    assert [metric.value for metric in understood] == [metric.value for metric in born]
    assert typed(told[0], DataType.STRING).fault


def test_names_and_texts_that_are_not_utf8_are_faults() -> None:
    def field(number: int, data: bytes) -> bytes:
        tag = number << 3 | 2
        return bytes([tag] if tag < 128 else [tag & 127 | 128, tag >> 7]) + bytes([len(data)]) + data

    text = field(2, field(1, b"t") + b"\x20\x0c" + field(15, b"\xff"))
    name = field(2, field(1, b"\xff") + b"\x20\x0b\x70\x01")
    for metric in decode(text + name).metrics:
        assert metric.value is None
        assert metric.fault
    with pytest.raises(UndecodablePayload, match="UTF-8"):
        decode(field(4, b"\xff"))


@pytest.mark.parametrize("data", [b"\xff", b"\x12\x05\x08", b"hello world"])
def test_what_is_no_payload_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodablePayload, match="no Sparkplug B payload"):
        decode(data)


def test_a_payload_is_bounded_before_it_unfolds() -> None:
    with pytest.raises(OversizedPayload, match="bytes"):
        parse(bytes(PAYLOAD_BYTES_MOST + 1))
    with pytest.raises(OversizedPayload, match="unfolds"):
        parse(b"\x12\x00" * (PAYLOAD_BYTES_MOST // 2))
    with pytest.raises(OversizedPayload, match="metrics, cells and properties"):
        decode(b"\x12\x00" * (RECORDS_MOST + 1))


SIMPLE = st.one_of(
    st.tuples(st.just(DataType.INT64), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.tuples(st.just(DataType.DOUBLE), st.floats(allow_nan=False)),
    st.tuples(st.just(DataType.FLOAT), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just(DataType.BOOLEAN), st.booleans()),
    st.tuples(st.just(DataType.STRING), st.text(max_size=9)),
)
NAMES = st.text(min_size=1, max_size=9)
SETS = st.recursive(
    st.dictionaries(NAMES, SIMPLE.map(lambda told: Property(*told)), max_size=3),
    lambda inner: st.dictionaries(
        NAMES,
        inner.map(lambda told: Property(DataType.PROPERTY_SET, told))
        | st.lists(inner, max_size=2).map(lambda told: Property(DataType.PROPERTY_SET_LIST, tuple(told))),
        max_size=2,
    ),
    max_leaves=5,
)
PLAIN = st.builds(lambda name, told, properties: Metric(name, *told, properties=properties), NAMES, SIMPLE, SETS)
METRICS = st.recursive(
    PLAIN,
    lambda inner: st.builds(
        lambda name, members, parameters: Metric(
            name,
            DataType.TEMPLATE,
            Template(tuple(members), tuple(Parameter(p, *told) for p, told in parameters.items()), ref="T"),
        ),
        NAMES,
        st.lists(inner, max_size=3),
        st.dictionaries(NAMES, SIMPLE, max_size=2),
    ),
    max_leaves=6,
)


@given(st.lists(METRICS, max_size=4), st.integers(0, 255))
def test_whatever_is_encoded_is_decoded_to_the_same(metrics: list[Metric], seq: int) -> None:
    payload = Payload(5, tuple(metrics), seq)
    assert decode(encode(payload)) == payload


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(UndecodablePayload):
        decode(data)


@pytest.mark.parametrize(
    "metric",
    [
        Metric("m", None, 1),
        Metric("m", DataType.INT32, 1.5),
        Metric("m", DataType.INT32, True),
        Metric("m", DataType.BOOLEAN, 1),
        Metric("m", DataType.FLOAT, 1e39),
        Metric("m", DataType.STRING, b"x"),
        Metric("m", DataType.BYTES, "x"),
        Metric("m", DataType.INT8_ARRAY, (1000,)),
        Metric("m", DataType.INT8_ARRAY, (1.5,)),
        Metric("m", DataType.STRING_ARRAY, ("a\0b",)),
        Metric("m", DataType.BOOLEAN_ARRAY, (1,)),
        Metric("m", DataType.DATASET, DataSet(("a", "b"), (DataType.INT8,))),
        Metric("m", DataType.DATASET, DataSet(("a",), (DataType.BYTES,))),
        Metric("m", DataType.TEMPLATE, Template(ref="T", is_definition=True)),
        Metric("m", DataType.TEMPLATE, Template(ref=None)),
        Metric("m", DataType.TEMPLATE, Template(parameters=(Parameter("", DataType.INT8),), ref="T")),
        Metric("m", DataType.INT8, 1, properties={"p": Property(None, 1)}),
        Metric("m", DataType.INT8, 1, properties={"p": Property(DataType.BYTES, 1)}),
    ],
)
def test_what_does_not_fit_its_datatype_is_not_sent(metric: Metric) -> None:
    with pytest.raises(Unencodable):
        encode(Payload(1, (metric,)))
