"""What unknown registers may mean, and how much each meaning can be believed. Pure.

    registers ──every type, every order, by the codec──► Guesses ──likely──► Rows, the most believable ones

The evidence of a guess is in bits: n bits mean that registers full of noise look so good once in 2^n. Neighbours that
are meant alike make a row and add their evidence; a row of a rare type or order needs more of it (`_RARE`). A register
of nothing but zeros proves little, because many are.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from protocols.modbus.codec import compile_block
from protocols.modbus.evidence import evidence
from protocols.modbus.field import Encoding, Field
from protocols.modbus.number import NUMBERS, Form
from protocols.modbus.point import Order, Point, Table
from protocols.sample import GOOD, Value, ValueKind

_LIKELY_BITS = 6.0
_CANDIDATE_BITS = 2.0
_RARE = {
    "string": 3.0,
    "float16": 5.0,
    "bcd": 3.0,
    "mod10": 8.0,
    "int48": 4.0,
    "uint48": 4.0,
    "int64": 3.0,
    "uint64": 3.0,
}
_RARE_ORDERS = {
    (Order.BIG, Order.BIG): 2.0,
    (Order.LITTLE, Order.BIG): 3.0,
    (Order.LITTLE, Order.LITTLE): 5.0,
    (Order.BIG, Order.LITTLE): 6.0,
}
_SHOWN_BITS = {2: 2.0, 3: 8.0, 4: 11.0}  # so large are no counters: 2^30, 2^40, 2^53
_SCALES = (1.0, 0.1, 0.01, 0.001, 0.0001, 10.0, 100.0)
_TEXT_LEAST = 4  # bytes
_ASCII = rb"[\x20-\x7e]"
_TEXTS: dict[Encoding, re.Pattern[bytes]] = {
    "utf-8": re.compile(rb"(?:%b|\xc2[\xa0-\xbf]|\xc3[\x80-\xbf]|[\xe4-\xe9][\x80-\xbf]{2})+" % _ASCII),
    "gbk": re.compile(rb"(?:%b|[\xb0-\xd7][\xa1-\xfe])+" % _ASCII),  # the common characters only
}

Meant = tuple[str, Order, Order]  # type and orders


@dataclass(frozen=True, slots=True)
class Guess:
    """One meaning of `point`: its value (None: these registers cannot mean that) and the evidence for it."""

    point: Point
    word_order: Order
    byte_order: Order
    encoding: Encoding
    value: Value | None
    bits: float

    @property
    def meant(self) -> Meant:
        return self.point.type, self.word_order, self.byte_order


@dataclass(frozen=True, slots=True)
class Row:
    """Neighbours that are meant alike; noise looks like them once in 2^bits."""

    guesses: tuple[Guess, ...]
    bits: float


def guesses(data: bytes, table: Table, address: int) -> list[Guess]:
    """All meanings of the registers of an answer, in order of address."""
    count = len(data) // 2
    fields = [*_numbers(table, address, count), *_texts(data, table, address)]
    fields = [field for field in fields if field.point.end <= address + count]
    found: dict[int, Value | None] = {}
    for column in compile_block(address, fields).decode(data, 0):
        for place, value, code in zip(column.alias.tolist(), column.value.tolist(), column.code.tolist(), strict=True):
            found[place] = value if code == GOOD else None
    return [
        Guess(
            field.point, field.word_order, field.byte_order, field.encoding, found[place],
            evidence(field, found[place], data[2 * (field.point.address - address) :]),
        )
        for place, field in ((field.alias, field) for field in fields)
    ]  # fmt: skip


def likely(found: Sequence[Guess]) -> list[Row]:
    """The rows that together are the most believable, no register twice, in order of address."""
    starting: dict[int, list[Guess]] = defaultdict(list)
    for guess in found:
        if guess.bits >= _CANDIDATE_BITS:
            starting[guess.point.address].append(guess)
    nothing: _Chain = (0.0, ())
    best: dict[int, _Chain] = defaultdict(lambda: nothing)  # from an address on, whatever stands before
    alike: dict[tuple[int, Meant], _Chain] = {}  # the same with a guess of that meaning first, its row begun before
    first, end = min(starting, default=0), max((guess.point.end for guess in found), default=0)
    for at in range(end - 1, first - 1, -1):
        best[at] = best[at + 1]
        for guess in starting[at]:
            behind = max(best[guess.point.end], alike.get((guess.point.end, guess.meant), nothing), key=_score)
            chain = (behind[0] + guess.bits, (guess, *behind[1]))
            alike[at, guess.meant] = max(chain, alike.get((at, guess.meant), nothing), key=_score)
            best[at] = max(best[at], (chain[0] - rare(guess.meant), chain[1]), key=_score)
    return [row for row in _rows(best[first][1]) if row.bits >= _LIKELY_BITS]


_Chain = tuple[float, tuple[Guess, ...]]


def _score(chain: _Chain) -> float:
    return chain[0]


def rare(meant: Meant) -> float:
    """The bits that a row of that meaning needs before it is believed."""
    type_, *orders = meant
    rare = _RARE.get(type_) or _RARE.get(type_.rstrip("_:0123456789"), 0.0)
    return rare + _RARE_ORDERS[orders[0], orders[1]]


def _rows(chain: Sequence[Guess]) -> list[Row]:
    rows: list[list[Guess]] = []
    for guess in chain:
        if rows and rows[-1][-1].point.end == guess.point.address and rows[-1][-1].meant == guess.meant:
            rows[-1].append(guess)
        else:
            rows.append([guess])
    return [Row(tuple(row), sum(guess.bits for guess in row) - rare(row[0].meant)) for row in rows]


def _numbers(table: Table, address: int, count: int) -> Iterator[Field]:
    alias = 0
    for at in range(address, address + count):
        for type_, number in NUMBERS.items():
            for word_order, byte_order in _RARE_ORDERS:
                if number.size > 1 and (number.registers > 1 or word_order is Order.BIG):
                    yield Field(alias, Point(table, at, number.registers, type_), word_order, byte_order)
                    alias += 1


def _texts(data: bytes, table: Table, address: int) -> Iterator[Field]:
    """Runs of readable characters that begin with a register."""
    alias = 1 << 20
    swapped = np.frombuffer(data, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    seen: set[tuple[int, int, Order]] = set()
    for byte_order, ordered in ((Order.BIG, data), (Order.LITTLE, swapped)):
        for encoding, pattern in _TEXTS.items():
            for run in pattern.finditer(ordered):
                start = run.start() + run.start() % 2
                padded = ordered[run.end() : run.end() + 1] == b"\0"
                count = (run.end() - start + padded) // 2
                if run.end() - start >= _TEXT_LEAST and (start, count, byte_order) not in seen:
                    seen.add((start, count, byte_order))
                    point = Point(table, address + start // 2, count, f"string:{count}")
                    yield Field(alias, point, Order.BIG, byte_order, encoding=encoding)
                    alias += 1


def is_plausible(guess: Guess) -> bool:
    """Whether to show it beside others: neither impossible nor a number that plants do not know."""
    if guess.value is None or isinstance(guess.value, str):
        return guess.value is not None
    number = NUMBERS[guess.point.type]
    if number.kind is ValueKind.FLOAT:
        return guess.value == 0 or 1e-3 <= abs(guess.value) < 1e7
    if number.form is not Form.BINARY:
        return True
    if number.signed and guess.value >= 0:
        return False  # the unsigned one says the same
    return number.registers == 1 or guess.bits >= _SHOWN_BITS[number.registers]


def showing(found: Sequence[Guess], display: str) -> list[tuple[Guess, float]]:
    """What would make a display show this number or text, and the scale it needs; the most believable first."""
    shown = _number(display)
    if shown is None:
        return [(guess, 1.0) for guess in found if isinstance(guess.value, str) and display in guess.value]
    matches = [(guess, scale) for guess in found for scale in _SCALES if _shows(guess, scale, shown)]
    return sorted(matches, key=lambda match: (match[1] != 1, rare(match[0].meant) - match[0].bits))


def _number(display: str) -> Decimal | None:
    try:
        number = Decimal(display)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _shows(guess: Guess, scale: float, shown: Decimal) -> bool:
    if guess.value is None or isinstance(guess.value, str) or not guess.value:
        return False
    number = NUMBERS[guess.point.type]
    if (number.kind is ValueKind.FLOAT and scale != 1) or (number.signed and guess.value > 0):
        return False
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    half_a_digit = 0.5 * 10.0**exponent
    return abs(guess.value * scale - float(shown)) <= half_a_digit * (1 + 1e-9)
