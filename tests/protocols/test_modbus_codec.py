"""Every type in every order, from tests/golden/modbus_vectors.csv, alone and all together in blocks."""

import csv
import math
import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.codec import Field, compile_block
from protocols.modbus.point import Order, Point, Table, parse_point
from protocols.sample import GOOD, Quality, Sample, ValueKind, quality_of, reason_of, samples

VECTORS = list(csv.DictReader((Path(__file__).parent.parent / "golden" / "modbus_vectors.csv").open(encoding="utf-8")))
ORDERS = list(product(Order, Order))
FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip


def field_of(vector: dict[str, str], alias: int, address: int) -> Field:
    type_, _, bit = vector["type"].partition(".")
    return Field(
        alias,
        parse_point(f"holding:{address}{'.' + bit if bit else ''}", type_),
        Order(vector["word_order"]),
        Order(vector["byte_order"]),
        float(vector["scale"] or 1),
        float(vector["offset"] or 0),
        (float(vector["low"]), float(vector["high"])) if vector["low"] else None,
    )


def check(vector: dict[str, str], field: Field, sample: Sample) -> None:
    assert reason_of(sample.code) == vector["reason"]
    if vector["reason"] != "none":
        assert quality_of(sample.code) is Quality.BAD
        assert sample.value is None
        return
    assert sample.code == GOOD
    wanted = vector["value"]
    if field.kind is ValueKind.FLOAT:
        assert isinstance(sample.value, float)
        assert sample.value.hex() == float(wanted).hex()
    elif field.kind is ValueKind.INT:
        assert (type(sample.value), sample.value) == (int, int(wanted))
    elif field.kind is ValueKind.BOOL:
        assert sample.value is (wanted == "true")
    else:
        assert sample.value == wanted


def test_there_are_enough_vectors() -> None:
    assert len(VECTORS) >= 100
    assert {v["type"].split(":")[0].split(".")[0] for v in VECTORS} == {*FORMATS, "bool", "string"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['type']}-{v['word_order']}-{v['byte_order']}")
def test_vector(vector: dict[str, str]) -> None:
    field = field_of(vector, 4, 40)
    data = bytes.fromhex(vector["registers"])
    assert len(data) == 2 * field.point.count
    (sample,) = samples(compile_block(40, [field]).decode(data, 17), {4: "t"})
    assert (sample.tag, sample.time_ns) == ("t", 17)
    check(vector, field, sample)


def test_all_vectors_in_one_block() -> None:
    """What is good alone is good among others, whatever the neighbours are; nobody is lost or told twice."""
    fields, data = [], b""
    for alias, vector in enumerate(VECTORS):
        data += b"\xff\xff"
        fields.append(field_of(vector, alias, 1000 + len(data) // 2))
        data += bytes.fromhex(vector["registers"])
    columns = compile_block(1000, fields[::-1]).decode(data, 5)
    found = {sample.tag: sample for sample in samples(columns, {i: str(i) for i in range(len(fields))})}
    assert sum(len(column) for column in columns) == len(found) == len(VECTORS)
    assert [column.kind for column in columns] == sorted(ValueKind)
    for alias, (vector, field) in enumerate(zip(VECTORS, fields, strict=True)):
        check(vector, field, found[str(alias)])


@pytest.mark.parametrize("table", [Table.COIL, Table.DISCRETE])
def test_coils(table: Table) -> None:
    bits = [True, False, True, True, False, False, False, True, False, True, True]
    packed = np.packbits(bits, bitorder="little").tobytes()
    fields = [Field(i, Point(table, 100 + i, 1, "bool")) for i in (10, 0, 3, 8)]
    (column,) = compile_block(100, fields).decode(packed, 1)
    assert (column.kind, column.alias.tolist(), column.value.tolist()) == (ValueKind.BOOL, [10, 0, 3, 8], [1, 1, 1, 0])


@given(
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(ORDERS),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 5),
)
def test_any_bits_decode_as_struct_does(type_: str, orders: tuple[Order, Order], raw: bytes, before: int) -> None:
    word_order, byte_order = orders
    big = raw[: struct.calcsize(FORMATS[type_])]
    words = [big[i : i + 2] for i in range(0, len(big), 2)]
    if word_order is Order.LITTLE:
        words.reverse()
    wire = b"".join(word if byte_order is Order.BIG else word[::-1] for word in words)
    (wanted,) = struct.unpack(FORMATS[type_], big)
    field = Field(0, parse_point(f"input:{before}", type_), word_order, byte_order)
    (sample,) = samples(compile_block(0, [field]).decode(bytes(2 * before) + wire, 0), {0: "t"})
    if isinstance(wanted, float) and not math.isfinite(wanted):
        assert (sample.value, reason_of(sample.code)) == (None, "nan")
    elif wanted > 2**63 - 1 and isinstance(wanted, int):
        assert (sample.value, reason_of(sample.code)) == (None, "out_of_range")
    else:
        assert (sample.value, sample.code) == (wanted, GOOD)


def test_shared_arrays_cannot_be_written() -> None:
    """Aliases and codes of a good answer are the same arrays every time: writing into one must fail loudly."""
    decoder = compile_block(0, [Field(0, parse_point("holding:0", "uint16"))])
    (column,) = decoder.decode(b"\0\1", 0)
    for array in (column.alias, column.code):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
