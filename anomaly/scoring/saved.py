"""Many arrays of many shapes as bytes and back, without pickle; states of others are carried as bytes. Pure."""

import io
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState
from anomaly.detectors.state import Arrays


def load(state: bytes, version: str) -> Arrays:
    """What `anomaly.detectors.state.pack` was given, which must hold `version`. Raises UnreadableState."""
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as archive:
            arrays: Arrays = dict(archive)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise UnreadableState(f"no scoring state: {error}") from error
    if "version" not in arrays or str(arrays["version"]) != version:
        raise UnreadableState(f"a scoring state that is not of version {version}")
    return arrays


def part(arrays: Arrays, prefix: str) -> Arrays:
    """The arrays whose name begins with `prefix` and a slash, without it."""
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def named(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays with `prefix` and a slash before their names."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def bytes_of(state: bytes) -> NDArray[np.uint8]:
    """A state of another as an array."""
    return np.frombuffer(state, np.uint8)


def state_in(array: NDArray[np.uint8]) -> bytes:
    """The state that `bytes_of` was given."""
    return array.tobytes()
