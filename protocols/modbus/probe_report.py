"""What a probe found, for people (at most 120 columns) and as JSON. Pure.

registers and guesses ──► the registers │ what looks likely, in words │ every plausible meaning, by length
"""

import math
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from protocols.modbus.evidence import text_of
from protocols.modbus.guesses import Guess, Row, is_plausible
from protocols.modbus.number import NUMBERS, Form
from protocols.modbus.point import Order, Point
from protocols.modbus.request import Request
from protocols.sample import ValueKind

_LETTERS = {
    (Order.BIG, Order.BIG): "ABCD",
    (Order.LITTLE, Order.BIG): "CDAB",
    (Order.BIG, Order.LITTLE): "BADC",
    (Order.LITTLE, Order.LITTLE): "DCBA",
}
_ORDERS_EXPLAINED = (
    'ABCD: the usual order   CDAB: word_order = "little"   BADC: byte_order = "little"   DCBA: both "little"'
)
_LISTED = list(_LETTERS.values())
_MANUAL = {1: 0, 2: 1, 3: 4, 4: 3}  # function code -> first digit of the address in manuals
_COLUMNS = 120


def as_text(data: bytes, request: Request, found: Sequence[Guess], rows: Sequence[Row]) -> str:
    """For a person."""
    tables = [table for length in (2, 3, 4) if (table := _meanings(length, found))]
    orders = [_ORDERS_EXPLAINED] if tables else []
    return "\n\n".join([_registers(data, request, found), *tables, *orders, _likely(rows)])


def as_json(data: bytes, request: Request, found: Sequence[Guess], rows: Sequence[Row]) -> dict[str, Any]:
    """For a program: everything, also what is not plausible."""
    return {
        "unit": request.unit,
        "table": request.table.word,
        "address": request.address,
        "registers": list(struct.unpack(f">{request.count}H", data)),
        "likely": [
            {"bits": round(row.bits, 1), "tags": [_tag(guess) | {"value": guess.value} for guess in row.guesses]}
            for row in rows
        ],
        "meanings": [
            _tag(guess) | {"value": guess.value, "bits": round(guess.bits, 1), "plausible": is_plausible(guess)}
            for guess in found
        ],
    }


def matches_as_text(display: str, matches: Sequence[tuple[Guess, float]]) -> str:
    """What a display may show, each as the lines of a tag."""
    if not matches:
        return (
            f"No register here shows {display}, in no type, order or scale: read more with --count, try the other table"
            " (input: or\nholding:), or give fewer digits."
        )
    lines = [f"{_lines(guess)}{f', scale = {scale:g}' if scale != 1 else ''}" for guess, scale in matches]
    return "\n".join([f"{display} may be, the most believable first:", *(f"  {line}" for line in lines)])


def coils_as_text(bits: Sequence[int], request: Request) -> str:
    """One line a coil or discrete input."""
    return "\n".join(f"{request.table.word}:{request.address + i}  {bit}" for i, bit in enumerate(bits))


def place_of(point: Point) -> str:
    """As an address is written in the configuration."""
    return f"{point.table.word}:{point.address}"


def _tag(guess: Guess) -> dict[str, Any]:
    """The lines of a tag in the configuration; the usual orders are left out."""
    lines: dict[str, Any] = {"address": place_of(guess.point), "type": guess.point.type}
    if guess.word_order is Order.LITTLE:
        lines["word_order"] = "little"
    if guess.byte_order is Order.LITTLE:
        lines["byte_order"] = "little"
    if guess.point.kind is ValueKind.TEXT and guess.encoding != "utf-8":
        lines["encoding"] = guess.encoding
    return lines


def _registers(data: bytes, request: Request, found: Sequence[Guess]) -> str:
    """Each register alone."""
    single: dict[tuple[int, str, Order], Guess] = {
        (guess.point.address, guess.point.type, guess.byte_order): guess for guess in found if guess.point.count == 1
    }
    lines = [["address", "manual", "hex", "bits", "uint16", "int16", "swapped", "float16", "bcd16", "text"]]
    for address in range(request.address, request.address + request.count):
        word = data[2 * (address - request.address) :][:2]
        values = [
            _cell(single.get((address, type_, order)), always=type_ == "uint16")
            for type_, order in (
                ("uint16", Order.BIG), ("int16", Order.BIG), ("uint16", Order.LITTLE), ("float16", Order.BIG),
                ("bcd16", Order.BIG),
            )
        ]  # fmt: skip
        manual = f"{_MANUAL[request.table.value]}{address + 1:0{4 if address < 9999 else 5}}"
        bits = f"{int.from_bytes(word, 'big'):016b}"
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in word)
        spaced = " ".join(bits[i : i + 4] for i in (0, 4, 8, 12))
        lines.append([f"{request.table.word}:{address}", manual, word.hex(), spaced, *values, text])
    return _table(lines)


def _meanings(count: int, found: Sequence[Guess]) -> str:
    """All numbers of that many registers: a line an address and order, without those that say nothing."""
    types = [type_ for type_, number in NUMBERS.items() if number.registers == count]
    shown: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for guess in found:
        if guess.point.type in types and guess.value and is_plausible(guess):
            letters = _LETTERS[guess.word_order, guess.byte_order]
            shown[guess.point.address, letters][guess.point.type] = text_of(guess.point.type, guess.value)
    if not shown:
        return ""
    lines = [[f"{count} registers", "order", *types]]
    for address, letters in sorted(shown, key=lambda place: (place[0], _LISTED.index(place[1]))):
        lines.append([str(address), letters, *(shown[address, letters].get(type_, "-") for type_ in types)])
    return _table(lines)


def _cell(guess: Guess | None, *, always: bool) -> str:
    if guess is None or guess.value is None or not (always or is_plausible(guess)):
        return "-"
    return text_of(guess.point.type, guess.value)


def _likely(rows: Sequence[Row]) -> str:
    if not rows:
        return (
            "Nothing stands out: these registers look like noise, or like zeros. Compare the tables above with the\n"
            "machine's own display, or read more registers with --count."
        )
    return "\n".join(["What looks likely, best read against the machine's own display:", *_told(rows)])


def _told(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        first = row.guesses[0]
        where = place_of(first.point) + (f" … {row.guesses[-1].point.address}" if len(row.guesses) > 1 else "")
        values = ", ".join(text_of(guess.point.type, guess.value or 0) for guess in row.guesses)
        yield _cut(f"  {where}  {_spoken(first)}: {values}")
        yield f"      {_why(row)}"
        yield f"      {_lines(first)}"


def _lines(guess: Guess) -> str:
    return ", ".join(f'{name} = "{value}"' for name, value in _tag(guess).items())


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else line[: line.rindex(", ", 0, _COLUMNS)] + ", …"


def _spoken(guess: Guess) -> str:
    turned = {
        (Order.LITTLE, Order.BIG): ", words swapped",
        (Order.BIG, Order.LITTLE): ", bytes swapped",
        (Order.LITTLE, Order.LITTLE): ", words and bytes swapped",
    }
    return guess.point.type + turned.get((guess.word_order, guess.byte_order), "")


def _why(row: Row) -> str:
    many, number = len(row.guesses) > 1, NUMBERS.get(row.guesses[0].point.type)
    if number is None:
        reason = "is readable text"
    elif number.form is not Form.BINARY:
        reason = "has decimal digits only"
    elif number.kind is ValueKind.FLOAT:
        reason = "look like measured values" if many else "looks like a measured value"
    else:
        reason = (
            "look like counts, states or scaled values" if many else "looks like a count, a state or a scaled value"
        )
    return f"{reason}; noise looks so once in {_rounded(2 ** min(row.bits, 40))}"


def _rounded(odds: float) -> str:
    """One digit is all that can be said honestly."""
    if odds >= 1e6:
        return "a million or more"
    power = 10 ** math.floor(math.log10(odds))
    return f"{round(odds / power) * power:,}"


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
