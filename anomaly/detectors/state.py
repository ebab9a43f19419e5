"""A detector's state as bytes: named arrays in numpy's own format, no pickle."""

import io
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState

Arrays = dict[str, NDArray[Any]]


def pack(arrays: Arrays) -> bytes:
    """The arrays as one compressed archive."""
    memory = io.BytesIO()
    np.savez_compressed(memory, allow_pickle=False, **arrays)
    return memory.getvalue()


def unpack(state: bytes, like: Arrays) -> Arrays:
    """The arrays again.

    Raises:
        UnreadableState: damaged, or not of the same names, types and shapes as `like`, apart from their length.
    """
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise UnreadableState(f"no detector state: {error}") from error
    if _form(arrays) != _form(like) or len({len(array) for array in arrays.values()}) > 1:
        raise UnreadableState(f"a detector state with other fields: {', '.join(sorted(arrays))}")
    return arrays


def _form(arrays: Arrays) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (array.dtype.kind, array.shape[1:]) for name, array in arrays.items()}
