"""Chance that can be asked again: a number from a seed and a place, the same whenever it is asked. Pure.

Source: SplitMix64, Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), its mixing step.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


def mixed(seed: ArrayLike, place: ArrayLike) -> NDArray[np.uint64]:
    """64 even bits for every pair; what comes out may be the seed of the next question."""
    z = (np.atleast_1d(np.asarray(place, np.uint64)) + np.uint64(1)) * _STEP
    z = z + np.asarray(seed, np.uint64)
    z ^= z >> np.uint64(30)
    z *= _FIRST
    z ^= z >> np.uint64(27)
    z *= _SECOND
    z ^= z >> np.uint64(31)
    return z


def even(seed: ArrayLike, place: ArrayLike) -> NDArray[np.float64]:
    """A number in [0, 1) for every pair."""
    return (mixed(seed, place) >> np.uint64(11)).astype(np.float64) * _UNIT


def seldom(seed: ArrayLike, place: ArrayLike, every: int) -> NDArray[np.bool_]:
    """True once in `every` places on average; never for 0."""
    hit: NDArray[np.bool_] = mixed(seed, place) % np.uint64(max(every, 1)) == 0
    return hit if every else np.zeros_like(hit)
