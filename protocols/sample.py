"""A sample: tag, source time, value, quality and reason; and the same as columns, which is how samples travel.

A failed read is a sample with a reason and no value: never a repeated old value, never a sentinel.

Quality travels as one unsigned 16-bit code: `quality << 8 | reason` (0 = GOOD). Modbus exception n is
reason `0x40 + n`. The numbers are part of the wire format and of every stored row:
tests/golden/quality_codes.json holds them.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Value = float | int | bool | str


class Quality(IntEnum):
    """How far the value can be trusted, as OPC UA's severity."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Reason(IntEnum):
    """Why a sample is not simply good."""

    NONE = 0
    TIMEOUT = 1
    DISCONNECTED = 2
    BAD_ADDRESS = 3
    STALE = 4
    OUT_OF_RANGE = 5
    NAN = 6
    CLAMPED = 7
    CLOCK_UNSYNCED = 8
    SUBSTITUTED = 9
    RESTART_GAP = 10
    UNDECODABLE = 11
    DEVICE_REPORTED = 12
    OVERRUN = 13
    WRONG_DEVICE = 14
    EXCEPTION_0 = 0x40  # + Modbus exception code


GOOD = 0


def quality_code(quality: Quality, reason: int = Reason.NONE) -> int:
    """The 16-bit code of a quality and a reason (for a Modbus exception: `Reason.EXCEPTION_0 + code`)."""
    return quality << 8 | reason


def bad(reason: int) -> int:
    """The code of a failed read."""
    return quality_code(Quality.BAD, reason)


def quality_of(code: int) -> Quality:
    """The quality inside a code; a code this version does not know is BAD."""
    return Quality(code >> 8) if code >> 8 <= Quality.BAD else Quality.BAD


def reason_of(code: int) -> str:
    """The reason inside a code, in words: `timeout`, `exception_2`, … or `none`."""
    reason = code & 0xFF
    if reason > Reason.EXCEPTION_0:
        return f"exception_{reason - Reason.EXCEPTION_0}"
    try:
        return Reason(reason).name.lower()
    except ValueError:
        return f"reason_{reason}"


class Sample(NamedTuple):
    """One value of one tag at one time, as people and tests look at it."""

    tag: str
    time_ns: int
    value: Value | None
    code: int = GOOD


class ValueKind(IntEnum):
    """The type of a column's values on the wire."""

    FLOAT = 1
    INT = 2
    BOOL = 3
    TEXT = 4


DTYPE_OF: dict[ValueKind, Any] = {
    ValueKind.FLOAT: np.dtype("<f8"),
    ValueKind.INT: np.dtype("<i8"),
    ValueKind.BOOL: np.dtype("u1"),
    ValueKind.TEXT: np.dtype(object),
}


@dataclass(frozen=True, slots=True)
class Column:
    """n samples of one value type, each field an array of length n.

    alias: u4, a tag's number within one configuration revision; time_ns: i8, ns UTC; code: u2, quality code;
    value: f8, i8, u1 (0 or 1) or object (str). Where the code is BAD the value means nothing (0, NaN or "").
    """

    kind: ValueKind
    alias: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    value: NDArray[Any]
    code: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.alias)


Columns = tuple[Column, ...]


def failed(kind: ValueKind, aliases: NDArray[np.uint32], time_ns: int, code: int) -> Column:
    """The column of a read that brought nothing: every alias at `time_ns` with `code` and no value."""
    n = len(aliases)
    empty = np.full(n, "", object) if kind is ValueKind.TEXT else np.zeros(n, DTYPE_OF[kind])
    return Column(kind, aliases, np.full(n, time_ns, np.int64), empty, np.full(n, code, np.uint16))


def concatenate(columns: list[Column]) -> Columns:
    """Join columns of the same kind; at most one column a kind comes out, in the order of `ValueKind`."""
    joined = []
    for kind in ValueKind:
        same = [column for column in columns if column.kind is kind and len(column)]
        if len(same) == 1:
            joined.append(same[0])
        elif same:
            joined.append(
                Column(
                    kind,
                    np.concatenate([column.alias for column in same]),
                    np.concatenate([column.time_ns for column in same]),
                    np.concatenate([column.value for column in same]),
                    np.concatenate([column.code for column in same]),
                )
            )
    return tuple(joined)


def samples(columns: Columns, tags: dict[int, str]) -> list[Sample]:
    """Columns as single samples, for people and tests; `tags` names each alias."""
    listed = []
    for column in columns:
        for alias, time_ns, value, code in zip(
            column.alias.tolist(), column.time_ns.tolist(), column.value.tolist(), column.code.tolist(), strict=True
        ):
            shown = bool(value) if column.kind is ValueKind.BOOL else value
            listed.append(Sample(tags[alias], time_ns, None if code >> 8 == Quality.BAD else shown, code))
    return listed
