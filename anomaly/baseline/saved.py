"""The state of several parts as bytes and back: every part names its arrays in FIELDS. numpy only, no pickle.

parts ──pack_parts──► bytes ──unpack_parts──► the same arrays in the same parts, or UnreadableState
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from anomaly import UnreadableState
from anomaly.detectors.state import Arrays, pack


class Part(Protocol):
    """Something with arrays that are its whole state."""

    @property
    def FIELDS(self) -> tuple[str, ...]: ...  # noqa: N802


def pack_parts(version: str, parts: Mapping[str, Part]) -> bytes:
    """All arrays of all parts."""
    return pack({"version": np.array(version)} | _arrays(parts))


def unpack_parts(state: bytes, version: str, parts: Mapping[str, Part]) -> None:
    """Put saved arrays back into parts of the same form.

    Raises:
        UnreadableState: damaged, of another version, or of another number of tags.
    """
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as archive:
            saved: Arrays = dict(archive)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise UnreadableState(f"no baseline state: {error}") from error
    if str(saved.pop("version", "")) != version:
        raise UnreadableState(f"a baseline state that is not of version {version}")
    if _form(saved) != _form(_arrays(parts)):
        raise UnreadableState("a baseline state of other tags or with other fields")
    for name, part in parts.items():
        for field in part.FIELDS:
            setattr(part, field, saved[f"{name}/{field}"])


def _arrays(parts: Mapping[str, Part]) -> Arrays:
    return {f"{name}/{field}": getattr(part, field) for name, part in parts.items() for field in part.FIELDS}


def _form(arrays: Arrays) -> dict[str, tuple[Any, tuple[int, ...]]]:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}
