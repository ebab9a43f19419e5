"""How much a meaning of registers can be believed, in bits: n bits mean that noise looks so good once in 2^n. Pure.

small whole numbers, short decimals in a usual range, nothing but digits, readable text ──► many bits
zeros, numbers that fill all their bits ──► none
"""

import math
import re

import numpy as np

from protocols.modbus.field import Field
from protocols.modbus.number import NUMBERS, Form, Number
from protocols.sample import Value

_DIGIT_BITS = math.log2(10)
_ZEROS_BITS = 4.0  # what a register of zeros (or of a sign) proves at most
_USUAL, _BEST = (1e-3, 1e6), (0.1, 1e3)  # where measured values are, and most of them
_FLOATS = {"float16": (np.float16, 11, 0.0), "float32": (np.float32, 24, 3.1), "float64": (np.float64, 53, 6.1)}
_COMMON = re.compile(rb"[A-Za-z0-9 ._/:-]")


def evidence(field: Field, value: Value | None, data: bytes) -> float:
    """The bits that speak for `value` as the meaning of these bytes."""
    if value is None or not value:  # zeros say nothing
        return 0.0
    registers = [data[i : i + 2] for i in range(0, 2 * field.point.count, 2)]
    plain = sum(register in (b"\0\0", b"\xff\xff") for register in registers)
    if isinstance(value, str):
        bits = _of_text(value.encode(field.encoding, "replace"))
    elif field.point.type in _FLOATS:
        bits = _of_float(field.point.type, float(value)) - plain * (16 - _ZEROS_BITS)
    else:
        bits = _of_whole(NUMBERS[field.point.type], int(value)) - plain * (16 - _ZEROS_BITS)
    return max(0.0, bits)


def _of_text(data: bytes) -> float:
    common = len(_COMMON.findall(data))
    ascii_ = sum(byte < 128 for byte in data)
    return 1.95 * common + 0.5 * (ascii_ - common) + 2.05 * (len(data) - ascii_)


def _of_float(type_: str, value: float) -> float:
    """Noise is seldom in the usual range, and seldom a decimal of few digits."""
    if not _USUAL[0] <= abs(value) < _USUAL[1]:
        return 0.0
    _, mantissa, range_bits = _FLOATS[type_]
    range_bits += _BEST[0] <= abs(value) < _BEST[1]
    return range_bits + max(0.0, mantissa - _DIGIT_BITS * len(digits_of(type_, value)))


def _of_whole(number: Number, value: int) -> float:
    """Noise fills all bits; for digits, it also seldom keeps to them."""
    if number.form is Form.BINARY:
        return number.bits - number.signed - (-value - 1 if value < 0 else value).bit_length()
    digits = number.bits // 4
    only_digits = number.bits - digits * _DIGIT_BITS
    return only_digits + (digits - len(str(value))) * _DIGIT_BITS


def digits_of(type_: str, value: float) -> str:
    """The significant digits of the shortest decimal that is this number."""
    mantissa = text_of(type_, value).lstrip("-").split("e")[0]
    return mantissa.replace(".", "").strip("0") or "0"


def text_of(type_: str, value: Value) -> str:
    """A value as its type prints it: 23.47 for a float32, not 23.469999313354492."""
    return str(_FLOATS[type_][0](value)) if type_ in _FLOATS else str(value)
