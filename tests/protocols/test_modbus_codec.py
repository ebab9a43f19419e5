"""What registers mean: every golden vector alone and all together in blocks, any bits against struct, and controls."""

import math
import struct
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.codec import compile_block
from protocols.modbus.field import Field
from protocols.modbus.number import NUMBERS, Form
from protocols.modbus.point import Order, Point, Table, parse_point
from protocols.sample import GOOD, Sample, ValueKind, reason_of, samples
from tests.protocols.modbus_vectors import TYPES, VECTORS, Vector, agrees, data_of, field_of, flipped, of_type

ORDERS = list(product(Order, Order))
DIGITS = [type_ for type_, number in NUMBERS.items() if number.form is not Form.BINARY]
FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float16": ">e", "float32": ">f", "float64": ">d",
}  # fmt: skip


def decoded(field: Field, data: bytes) -> Sample:
    (sample,) = samples(compile_block(field.span[0], [field]).decode(data, 17), {field.alias: "t"})
    return sample


def test_there_are_enough_vectors() -> None:
    assert len(VECTORS) >= 1600
    assert set(TYPES) == {*NUMBERS, "bool", "string"}
    for type_ in TYPES:
        orders = {(vector["word_order"], vector["byte_order"]) for vector in of_type(type_)}
        assert len(orders) == (2 if type_ == "bool" else 4), type_
        assert {vector["way"] for vector in of_type(type_)} >= {"both"}


@pytest.mark.parametrize("type_", TYPES)
def test_vectors_alone(type_: str) -> None:
    wrong = [v for v in of_type(type_) if not agrees(v, field_of(v, 4, 40), decoded(field_of(v, 4, 40), data_of(v)))]
    assert wrong == []


def test_all_vectors_together() -> None:
    """What is good alone is good among others, whatever the neighbours are; nobody is lost or told twice."""
    fields, data = [], b""
    for alias, vector in enumerate(VECTORS):
        data += b"\xff\xff"
        fields.append(field_of(vector, alias, 1000 + len(data) // 2))
        data += data_of(vector)
    columns = compile_block(1000, fields[::-1]).decode(data, 5)
    found = {sample.tag: sample for sample in samples(columns, {i: str(i) for i in range(len(fields))})}
    assert sum(len(column) for column in columns) == len(found) == len(VECTORS)
    assert [column.kind for column in columns] == sorted(ValueKind)
    pairs = enumerate(zip(VECTORS, fields, strict=True))
    assert [vector for i, (vector, field) in pairs if not agrees(vector, field, found[str(i)])] == []


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("type_", [type_ for type_, number in NUMBERS.items() if number.size > 1])
def test_a_wrong_order_is_noticed(type_: str, words: bool) -> None:
    """The control: whoever mixes up the orders cannot pass. Only registers that read the same both ways do not tell."""

    def tells(vector: Vector) -> bool:
        data = bytes.fromhex(vector["registers"])
        pieces = [data[i : i + 2] for i in range(0, len(data), 2)]
        turned = pieces[::-1] if words else [piece[::-1] for piece in pieces]
        return vector["reason"] == "none" and turned != pieces and not vector["exponent"]

    telling = [vector for vector in of_type(type_) if tells(vector)]
    assert len(telling) >= 8 or (words and NUMBERS[type_].size == 2)
    for vector in telling:
        field = flipped(field_of(vector, 4, 40), words=words)
        assert not agrees(vector, field, decoded(field, data_of(vector))), vector


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


@given(st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4), st.sampled_from(DIGITS))
def test_digits_are_a_number_or_nothing(registers: list[int], type_: str) -> None:
    """BCD and mod-10 against decimal text: what is not made of digits is never a number."""
    part = registers[: NUMBERS[type_].registers]
    shown = "{:04x}" if NUMBERS[type_].form is Form.BCD else "{:04d}"
    text = "".join(shown.format(register) for register in part)
    sample = decoded(Field(0, parse_point("holding:0", type_)), struct.pack(f">{len(part)}H", *part))
    legal = text.isdecimal() and len(text) == 4 * len(part)
    assert (sample.value, reason_of(sample.code)) == ((int(text), "none") if legal else (None, "undecodable"))


def test_two_numbers_may_share_a_power_of_ten() -> None:
    power = parse_point("holding:12", "int16")
    fields = [Field(i, parse_point(f"holding:{10 + i}", "int16"), exponent=power) for i in range(2)]
    assert [field.span for field in fields] == [(10, 3), (11, 2)]
    (column,) = compile_block(10, fields).decode(struct.pack(">3h", 235, -5, -1), 0)
    assert column.value.tolist() == [23.5, -0.5]
    (column,) = compile_block(10, fields).decode(struct.pack(">3h", 235, -5, -32768), 0)
    assert [reason_of(code) for code in column.code.tolist()] == ["device_reported"] * 2


def test_words_of_neighbours_are_not_mixed_up() -> None:
    point = parse_point
    fields = [
        Field(0, point("holding:0", "uint16"), enum={0: "stop", 7: "run"}),
        Field(1, point("holding:1", "uint16"), enum={0: "closed", 1: "open"}),
        Field(2, point("holding:2", "uint16"), enum={7: "seven"}),
    ]
    (column,) = compile_block(0, fields).decode(struct.pack(">3H", 7, 7, 7), 0)
    assert column.value.tolist() == ["run", "", "seven"]
    assert [reason_of(code) for code in column.code.tolist()] == ["none", "undecodable", "none"]


def test_shared_arrays_cannot_be_written() -> None:
    """Aliases and codes of a good answer are the same arrays every time: writing into one must fail loudly."""
    decoder = compile_block(0, [Field(0, parse_point("holding:0", "uint16"))])
    (column,) = decoder.decode(b"\0\1", 0)
    for array in (column.alias, column.code):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
