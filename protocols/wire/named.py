"""Samples that bear their names, as JSON sources send them → a batch without header. Pure.

    {(machine, tag, time_ns): Reported} ──named_batch──► Batch: alias i is the tag `names[i]`

JSON has one kind of number, so every number is a FLOAT and a tag does not change its type with its value.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from protocols.sample import DTYPE_OF, GOOD, Column, Reason, ValueKind, bad
from protocols.wire.batch import Batch


class Reported(NamedTuple):
    """What a sample will hold."""

    kind: ValueKind
    value: float | str
    code: int = GOOD


Named = Mapping[tuple[str, str, int], Reported]
NOTHING = Reported(ValueKind.FLOAT, math.nan, bad(Reason.DEVICE_REPORTED))


def of_json(raw: Any) -> Reported:
    """A JSON value; null is one that the device could not give.

    Raises:
        ValueError: an object or a list is no single value.
    """
    if raw is None:
        return NOTHING
    if isinstance(raw, bool):
        return Reported(ValueKind.BOOL, raw)
    if isinstance(raw, str):
        return Reported(ValueKind.TEXT, raw)
    if isinstance(raw, int | float):
        return Reported(ValueKind.FLOAT, _float(raw))
    raise ValueError("an object" if isinstance(raw, dict) else "a list")


def _float(value: float) -> float:
    """Integers beyond float64 become infinite, which ingest stores as a bad value."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def named_batch(samples: Named, sha256: bytes) -> Batch:
    """The columns of some samples; a batch is known by `sha256`."""
    aliases: dict[tuple[str, str], int] = {}
    rows: dict[ValueKind, list[tuple[int, int, float | str, int]]] = {}
    for (machine, tag, time_ns), (kind, value, code) in samples.items():
        alias = aliases.setdefault((machine, tag), len(aliases))
        rows.setdefault(kind, []).append((alias, time_ns, value, code))
    columns = tuple(_column(kind, rows[kind]) for kind in ValueKind if kind in rows)
    return Batch(None, columns, sha256, tuple(aliases))


def _column(kind: ValueKind, rows: list[tuple[int, int, float | str, int]]) -> Column:
    alias, time_ns, value, code = zip(*rows, strict=True)
    return Column(
        kind,
        np.array(alias, np.uint32),
        np.array(time_ns, np.int64),
        np.array(value, DTYPE_OF[kind]),
        np.array(code, np.uint16),
    )
