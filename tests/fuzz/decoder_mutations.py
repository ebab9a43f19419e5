"""Inputs spoilt at random, by the seed of the dice: what atheris does with a compass, without one.

seeds ──one, or two spliced──► up to four changes ──► an input
"""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

_ODD = (b"\x00", b"\xff", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x00" * 8, b"\xff" * 8)
_TOKENS = (
    b"null", b"true", b"NaN", b"-1", b"1e400", b"9" * 400, b"{}", b"[]", b"[[", b'""', b'"\\ud800"', b'"\\u0000"', b",",
    b":", b"}", b"\xed\xa0\x80", b"/", b"+", b"#", b"{a}", b".", b"ts", b"values",
)  # fmt: skip
_VALUE = re.compile(rb"-?[0-9]+(\.[0-9]+)?|true|false|null")
Mutation = Callable[[Random, bytearray], None]


def inputs(seeds: Sequence[bytes], dice: Random) -> Iterator[bytes]:
    """Without end."""
    while True:
        data = bytearray(dice.choice(seeds))
        if dice.random() < 0.2:
            other = dice.choice(seeds)
            data[dice.randint(0, len(data)) :] = other[dice.randint(0, len(other)) :]
        for _ in range(dice.randint(1, 4)):
            dice.choice(_MUTATIONS)(dice, data)
        yield bytes(data)


def _bit(dice: Random, data: bytearray) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _byte(dice: Random, data: bytearray) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.randrange(256)


def _cut(dice: Random, data: bytearray) -> None:
    at = dice.randint(0, len(data))
    del data[at : at + dice.randint(1, 16)]


def _truncated(dice: Random, data: bytearray) -> None:
    del data[dice.randint(0, len(data)) :]


def _repeated(dice: Random, data: bytearray) -> None:
    at = dice.randint(0, len(data))
    data[at:at] = data[at : at + dice.randint(1, 32)] * dice.randint(1, 8)


def _overwritten(dice: Random, data: bytearray) -> None:
    at, odd = dice.randint(0, len(data)), dice.choice(_ODD)
    data[at : at + len(odd)] = odd


def _inserted(dice: Random, data: bytearray) -> None:
    at = dice.randint(0, len(data))
    data[at:at] = dice.choice(_TOKENS)


def _value(dice: Random, data: bytearray) -> None:
    """Another value in the place of a JSON value."""
    found = list(_VALUE.finditer(data))
    if found:
        start, end = dice.choice(found).span()
        data[start:end] = dice.choice(_TOKENS)


_MUTATIONS: tuple[Mutation, ...] = (_bit, _byte, _cut, _truncated, _repeated, _overwritten, _inserted, _value)
