"""tests/golden/modbus_vectors.csv: what registers mean, every type in every order, both ways.

The file was made with integer arithmetic and `struct`, apart from the code that it judges, and is the contract. A row:
registers (and behind them `exponent`, the register with the power of ten) ──decode──► value or reason; where `way` is
both, value ──encode──► the same registers.
"""

import csv
from dataclasses import replace
from pathlib import Path

from protocols.modbus.field import Field
from protocols.modbus.point import Order
from protocols.modbus.tag import ModbusTag
from protocols.sample import GOOD, Quality, Sample, Value, ValueKind, quality_of, reason_of

Vector = dict[str, str]
VECTORS: list[Vector] = list(
    csv.DictReader((Path(__file__).parent.parent / "golden" / "modbus_vectors.csv").open(encoding="utf-8"))
)
TYPES = sorted({vector["type"].split(".")[0].split(":")[0] for vector in VECTORS})


def of_type(type_: str) -> list[Vector]:
    return [vector for vector in VECTORS if vector["type"].split(".")[0].split(":")[0] == type_]


def data_of(vector: Vector) -> bytes:
    return bytes.fromhex(vector["registers"] + vector["exponent"])


def registers_of(vector: Vector) -> list[int]:
    return [int(word, 16) for word in vector["registers"].split()]


def exponent_of(vector: Vector) -> int:
    order = "big" if vector["byte_order"] == "big" else "little"
    return int.from_bytes(bytes.fromhex(vector["exponent"]), order, signed=True)


def tag_of(vector: Vector, address: int) -> ModbusTag:
    """As a configuration would say it."""
    type_, _, part = vector["type"].partition(".")
    said = {"tag": "t", "address": f"holding:{address}{'.' + part if part else ''}", "type": type_}
    said |= {name: float(vector[name]) for name in ("scale", "offset") if vector[name]}
    said |= {name: Order(vector[name]) for name in ("word_order", "byte_order")}
    if vector["low"]:
        said["range"] = (float(vector["low"]), float(vector["high"]))
    if vector["missing"]:
        said["missing"] = _number(vector["missing"])
    if vector["exponent"]:
        said["scale_register"] = f"holding:{address + len(registers_of(vector))}"
    if vector["enum"]:
        said["enum"] = dict(pair.split("=") for pair in vector["enum"].split(";"))
    if vector["encoding"]:
        said["encoding"] = vector["encoding"]
    return ModbusTag.model_validate(said)


def field_of(vector: Vector, alias: int, address: int) -> Field:
    return tag_of(vector, address).field(alias, Order.BIG, Order.BIG)


def flipped(field: Field, *, words: bool) -> Field:
    """The same field read in the wrong order of words, or of bytes."""
    other = {Order.BIG: Order.LITTLE, Order.LITTLE: Order.BIG}
    if words:
        return replace(field, word_order=other[field.word_order])
    return replace(field, byte_order=other[field.byte_order])


def value_of(vector: Vector, kind: ValueKind) -> Value:
    text = vector["value"]
    if kind is ValueKind.BOOL:
        return {"true": True, "false": False}[text]
    return {ValueKind.FLOAT: float, ValueKind.INT: int, ValueKind.TEXT: str}[kind](text)


def agrees(vector: Vector, field: Field, sample: Sample) -> bool:
    """Whether value and quality are those of the vector, to the last bit."""
    if vector["reason"] != "none":
        bad = quality_of(sample.code) is Quality.BAD and sample.value is None
        return bad and reason_of(sample.code) == vector["reason"]
    wanted = value_of(vector, field.kind)
    if sample.code != GOOD or type(sample.value) is not type(wanted):
        return False
    return sample.value.hex() == wanted.hex() if isinstance(wanted, float) else sample.value == wanted


def _number(text: str) -> int | float:
    try:
        return int(text, 0)
    except ValueError:
        return float(text)
