"""How answers of an OPC UA server are damaged on their way: everything but the pure bytes of a value.

Without a signature nothing can tell a flipped bit of a value from another value, so values are left alone here (and
production lines are to be signed). All else must be noticed: sizes, kinds, ids, handles, counts, masks, types, order.
"""

import random
from collections.abc import Callable, Iterator

from protocols.opcua.binary import FIXED, Reader

BODY = 24  # chunk header, security header, sequence header
_PUBLISH, _READ = "i=829", "i=634"
_DATA = "i=811"

Damage = Callable[[bytes, random.Random], list[bytes]]


def value_places(chunk: bytes) -> set[int]:
    """Where the bytes of values and of times stand in an honest chunk."""
    if not chunk.startswith(b"MSG"):
        return set()
    reader = Reader(chunk, BODY)
    kind = reader.node_id()
    reader.take(16)
    reader.diagnostics()
    for _ in range(reader.count(4)):
        reader.octets()
    reader.extension()
    if kind == _READ:
        return set(_in_values(reader, lead=0))
    return set(_in_notification(reader)) if kind == _PUBLISH else set()


def _in_notification(reader: Reader) -> Iterator[int]:
    reader.take(4)
    reader.take(4 * reader.count(4))
    reader.take(5)
    yield from range(reader.at, reader.at + 8)  # publish time
    reader.take(8)
    for _ in range(reader.count(3)):
        kind = reader.node_id()
        reader.take(5)
        if kind == _DATA:
            yield from _in_values(reader, lead=4)
            reader.take(4)  # no diagnostics


def _in_values(reader: Reader, lead: int) -> Iterator[int]:
    for _ in range(reader.count(1)):
        reader.take(lead)
        mask = reader.byte()
        if mask & 1:
            start = reader.at + 1
            kind = reader.data[reader.at]
            reader.variant()
            yield from range(start if kind in FIXED else start + 4, reader.at)
        if mask & 2:
            reader.take(4)
        for bit in (4, 8):
            if mask & bit:
                yield from range(reader.at, reader.at + 8)
                reader.take(8)


def flip(chunk: bytes, rng: random.Random, places: list[int]) -> list[bytes]:
    """One to four bytes become others."""
    damaged = bytearray(chunk)
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 1, 2, 4)))):
        damaged[place] = rng.choice((damaged[place] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 0xFF))
    return [bytes(damaged)]


def _cut(chunk: bytes, rng: random.Random) -> list[bytes]:
    return [chunk[: rng.randrange(1, len(chunk))]]


def _twice(chunk: bytes, rng: random.Random) -> list[bytes]:
    return [chunk, chunk]


def _gone(chunk: bytes, rng: random.Random) -> list[bytes]:
    return []


def _hole(chunk: bytes, rng: random.Random) -> list[bytes]:
    start = rng.randrange(len(chunk))
    return [chunk[:start] + chunk[start + rng.randint(1, 16) :]]


def _more(chunk: bytes, rng: random.Random) -> list[bytes]:
    start = rng.randrange(len(chunk))
    return [chunk[:start] + rng.randbytes(rng.randint(1, 16)) + chunk[start:]]


def _shorter(chunk: bytes, rng: random.Random) -> list[bytes]:
    """Cut, but with a size that says so: only what is inside can tell."""
    end = rng.randrange(min(BODY, len(chunk) - 1), len(chunk))
    return [chunk[:4] + end.to_bytes(4, "little") + chunk[8:end]]


def _longer(chunk: bytes, rng: random.Random) -> list[bytes]:
    extra = rng.randbytes(rng.randint(1, 40))
    return [chunk[:4] + (len(chunk) + len(extra)).to_bytes(4, "little") + chunk[8:] + extra]


def _item_gone(chunk: bytes, rng: random.Random) -> list[bytes]:
    """Some bytes inside are missing, and the size says so."""
    start = rng.randrange(min(BODY, len(chunk) - 1), len(chunk))
    rest = chunk[:start] + chunk[start + rng.choice((1, 2, 4, 8, 22, 26)) :]
    return [rest[:4] + len(rest).to_bytes(4, "little") + rest[8:]]


WHOLE: tuple[Damage, ...] = (_cut, _twice, _gone, _hole, _more, _shorter, _longer, _item_gone)


def damaged(chunk: bytes, rng: random.Random, *, values: bool = False) -> list[bytes]:
    """What arrives instead of this chunk; `values`: only its values are hurt, which nobody can notice."""
    protected = value_places(chunk)
    if values:
        return flip(chunk, rng, sorted(protected))
    if rng.random() < 0.7:
        return flip(chunk, rng, [place for place in range(len(chunk)) if place not in protected])
    return rng.choice(WHOLE)(chunk, rng)
