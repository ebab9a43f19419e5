"""Samples whose time is in doubt, and what becomes of them when the right time is known. Pure.

    columns ──doubted──► GOOD becomes UNCERTAIN clock_unsynced ──corrected──► shifted, and GOOD again

`here[alias]` says which tags are stamped by this gateway's clock; what an OPC UA server has stamped is not ours to
move, unless the driver could not believe it and stamped it here.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.sample import GOOD, Column, Columns, Quality, Reason, quality_code

DOUBTED = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)

Here = NDArray[np.bool_]


class Correction(NamedTuple):
    """By how much the stamps of which tags are moved."""

    here: Here
    by_ns: int


def in_doubt(columns: Columns) -> bool:
    """Whether any sample is."""
    return any((column.code == DOUBTED).any() for column in columns)


def doubted(columns: Columns, here: Here) -> Columns:
    """The same samples; those that are GOOD and stamped here are in doubt."""
    return tuple(_doubted(column, here) for column in columns)


def _doubted(column: Column, here: Here) -> Column:
    code = np.where(here[column.alias] & (column.code == GOOD), np.uint16(DOUBTED), column.code)
    return replace(column, code=code)


def corrected(columns: Columns, correction: Correction) -> Columns:
    """The same samples on the right time: what was stamped here is moved, what was only in doubt is GOOD."""
    return tuple(_corrected(column, correction) for column in columns)


def _corrected(column: Column, correction: Correction) -> Column:
    doubted_ones = column.code == DOUBTED
    moved = column.time_ns + np.where(correction.here[column.alias] | doubted_ones, correction.by_ns, 0)
    return replace(column, time_ns=moved, code=np.where(doubted_ones, np.uint16(GOOD), column.code))
