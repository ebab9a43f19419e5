"""The way back: golden vectors, round trips of any value, and a reason for whatever registers cannot say."""

import struct
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.codec import compile_block
from protocols.modbus.encode import NotEncodable, encode, mask
from protocols.modbus.field import Field
from protocols.modbus.number import NUMBERS
from protocols.modbus.point import Order, parse_point
from protocols.sample import GOOD, ValueKind, samples
from tests.protocols.modbus_vectors import (
    TYPES,
    VECTORS,
    exponent_of,
    field_of,
    flipped,
    of_type,
    registers_of,
    value_of,
)  # fmt: skip

ORDERS = list(product(Order, Order))
WHOLE = [type_ for type_, number in NUMBERS.items() if number.kind is ValueKind.INT]
FLOATS = {"float16": 16, "float32": 32, "float64": 64}


def field(type_: str, place: str = "holding:7", orders: tuple[Order, Order] = ORDERS[0], **meaning: object) -> Field:
    if type_ in ("int8", "uint8") and "." not in place:
        place += ".high"
    return Field(0, parse_point(place, type_), *orders, **meaning)


def back(registers: list[int], of: Field) -> object:
    data = struct.pack(f">{len(registers)}H", *registers)
    (sample,) = samples(compile_block(of.point.address, [of]).decode(data, 0), {0: "t"})
    assert sample.code == GOOD
    return sample.value


def test_enough_vectors_go_both_ways() -> None:
    assert sum(vector["way"] == "both" for vector in VECTORS) >= 1000


@pytest.mark.parametrize("type_", TYPES)
def test_vectors(type_: str) -> None:
    both = [vector for vector in of_type(type_) if vector["way"] == "both"]
    assert both
    for vector in both:
        of = field_of(vector, 0, 40)
        exponent = exponent_of(vector) if vector["exponent"] else 0
        assert encode(value_of(vector, of.kind), of, exponent) == registers_of(vector), vector


@pytest.mark.parametrize("words", [True, False])
def test_a_wrong_order_is_noticed(words: bool) -> None:
    """The control: registers in another order are other registers, unless they read the same both ways."""
    telling = 0
    for vector in VECTORS:
        registers = registers_of(vector)
        turned = registers[::-1] if words else [(word & 0xFF) << 8 | word >> 8 for word in registers]
        if vector["way"] == "both" and turned != registers and not (words and vector["type"].startswith("string")):
            of = flipped(field_of(vector, 0, 40), words=words)
            exponent = exponent_of(vector) if vector["exponent"] else 0
            assert encode(value_of(vector, of.kind), of, exponent) != registers
            telling += 1
    assert telling > 400


@given(st.data(), st.sampled_from(WHOLE), st.sampled_from(ORDERS))
def test_any_whole_number_comes_back(data: st.DataObject, type_: str, orders: tuple[Order, Order]) -> None:
    low, high = NUMBERS[type_].limits
    value = data.draw(st.integers(low, min(high, 2**63 - 1)))
    of = field(type_, orders=orders)
    assert back(encode(value, of), of) == value


@given(st.data(), st.sampled_from(sorted(FLOATS)), st.sampled_from(ORDERS))
def test_any_float_comes_back(data: st.DataObject, type_: str, orders: tuple[Order, Order]) -> None:
    value = data.draw(st.floats(width=FLOATS[type_], allow_nan=False, allow_infinity=False))
    of = field(type_, orders=orders)
    assert back(encode(value, of), of) == value


@given(
    st.sampled_from([type_ for type_ in WHOLE if not type_.endswith("64")]),
    st.sampled_from([0.1, 0.01, 0.5, 3.0, -0.25, 1e-3]),
    st.sampled_from([0.0, -40.0, 0.7]),
    st.data(),
)
def test_any_step_of_a_scale_comes_back(type_: str, scale: float, offset: float, data: st.DataObject) -> None:
    of = field(type_, scale=scale, offset=offset)
    low, high = NUMBERS[type_].limits
    value = data.draw(st.integers(max(low, -(2**31)), min(high, 2**31))) * scale + offset
    assert back(encode(value, of), of) == value


@given(st.text(max_size=20), st.sampled_from(["utf-8", "gbk", "latin-1"]), st.sampled_from(ORDERS))
def test_any_text_comes_back_or_is_refused(text: str, encoding: str, orders: tuple[Order, Order]) -> None:
    of = field("string:10", orders=orders, encoding=encoding)
    try:
        registers = encode(text, of)
    except NotEncodable:
        fits = len(text.encode(encoding, "replace")) <= 20 and text == text.rstrip() and "\0" not in text
        assert not fits or text.encode(encoding, "ignore") != text.encode(encoding, "replace")
    else:
        assert back(registers, of) == text


@pytest.mark.parametrize(
    ("value", "of", "text"),
    [
        (32768, field("int16"), "32768 does not fit: raw it is 32768, int16 goes from -32768 to 32767"),
        (-1, field("uint32"), "int32 goes from 0 to 4294967295"),
        (2**47, field("int48"), "int48 goes from"),
        (10_000, field("bcd16"), "bcd16 goes from 0 to 9999"),
        (-1, field("bcd64"), "bcd64 goes from 0 to 9999999999999999"),
        (10**8, field("mod10_32"), "mod10_32 goes from 0 to 99999999"),
        (3276.8, field("int16", scale=0.1), "raw it is 32768"),
        (1e300, field("int64"), "does not fit"),
        (2.5, field("int16"), "2.5 is not a whole number"),
        (float("nan"), field("float32"), "nan is not a number that a register can hold"),
        (float("inf"), field("int16"), "inf is not a number"),
        (True, field("uint16"), "True is not a number"),
        ("7", field("uint16"), "'7' is not a number"),
        (1e39, field("float32"), "too large for a float of 32 bits"),
        (65520.0, field("float16"), "too large for a float of 16 bits"),
        (10**400, field("float64"), "too large for a float of 64 bits"),
        (10**400, field("float64", scale=0.5), "too large for a float of 64 bits"),
        (11, field("int16", range=(0, 10)), "outside of the range"),
        (-32768, field("int16", missing=-32768), "what this device means by no value"),
        (-9999.9, field("float32", missing=-9999.9), "what this device means by no value"),
        (1, field("bool", "coil:7"), "1 is neither true nor false"),
        ("ABC", field("string:1"), "3 bytes in utf-8, there is room for 2"),
        ("油压", field("string:2"), "6 bytes in utf-8"),
        ("油", field("string:2", encoding="latin-1"), "has characters that latin-1 has not"),
        ("A\0B", field("string:2"), "would not be read back"),
        ("A ", field("string:2"), "would not be read back"),
        (5, field("string:2"), "5 is no text"),
        ("off", field("uint16", enum={0: "stop", 1: "run"}), "'off' stands for 0 numbers, it must be one; there"),
        ("bad", field("uint16", enum={3: "bad", 4: "bad"}), "stands for 2 numbers"),
        (1, field("uint16", enum={0: "stop", 1: "run"}), "1 stands for 0 numbers"),
    ],
)  # fmt: skip
def test_what_registers_cannot_say_is_refused(value: object, of: Field, text: str) -> None:
    with pytest.raises(NotEncodable, match=text):
        encode(value, of)


def test_a_power_of_ten_that_is_none_is_refused() -> None:
    with pytest.raises(NotEncodable, match="the power of ten is -32768; it must be from -10 to 10"):
        encode(1, field("int16", exponent=parse_point("holding:8", "int16")), -32768)


def test_the_bits_of_a_part() -> None:
    assert [mask(field("bool", "holding:7.9")), mask(field("bool", "holding:7.9", ORDERS[1]))] == [0x0200, 0x0002]
    assert [mask(field("uint8", "holding:7.high")), mask(field("uint8", "holding:7.low"))] == [0xFF00, 0x00FF]
    assert mask(field("int8", "holding:7.high", (Order.BIG, Order.LITTLE))) == 0x00FF
    assert mask(field("uint32")) == 0xFFFF
    assert encode(True, field("bool", "coil:3")) == [1]
