"""A model as one file: numpy arrays and a card in JSON, no pickle. What is read is checked before it is believed.

    LifeModel ──arrays──► npz ◄── card.json inside: version, what it was trained on, figures, sha256 of the arrays

A gateway needs this module and numpy to run a model that was trained in the cloud.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.life import BadModelFile
from anomaly.life.belief import Outcomes
from anomaly.life.familiar import Familiar, Path
from anomaly.life.features import Features
from anomaly.life.fleet import Fleet
from anomaly.life.linear import Line
from anomaly.life.model import Learned, LifeModel, Scorer
from anomaly.life.trees import Trees

FORMAT = "linewright remaining life"
VERSION = 1
KINDS: dict[str, type[Line] | type[Trees]] = {"line": Line, "trees": Trees}
Arrays = dict[str, NDArray[Any]]


def dump_model(model: LifeModel) -> bytes:
    """The model as bytes; the same model gives the same bytes."""
    arrays = {
        **_packed("features", model.features, ("columns",)),
        **_packed("fleet", model.fleet),
    }
    if model.learned is not None:
        arrays |= _packed("outcomes", model.learned.outcomes)
        arrays["fresh"] = model.learned.fresh
        arrays |= _packed("path", model.learned.familiar.path)
        arrays |= _packed("familiar", model.learned.familiar, ("path",))
        for number, scorer in enumerate(model.learned.scorers):
            arrays |= _packed(f"scorer{number}", scorer)
    card = {
        "format": FORMAT, "version": VERSION, **model.card, "kind": model.kind, "cap": model.cap,
        "scorers": len(model.learned.scorers) if model.learned else 0, "columns": list(model.features.columns),
        "sha256": _hash(arrays),
    }  # fmt: skip
    return _archive({"card": np.frombuffer(json.dumps(card, ensure_ascii=False).encode(), np.uint8), **arrays})


def load_model(content: bytes) -> LifeModel:
    """The model again. Raises BadModelFile."""
    if not content.startswith(b"PK"):
        raise BadModelFile("this file is not a model of remaining life; make one with `linewright rul train`")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
        card = json.loads(arrays.pop("card").tobytes())
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise BadModelFile(f"no model of remaining life: {error}; make one with `linewright rul train`") from error
    _check(card, arrays)
    try:
        return _model(card, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise BadModelFile(f"the model file lacks a part: {error}; train the model anew") from error


def _check(card: Any, arrays: Arrays) -> None:
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise BadModelFile("this file is not a model of remaining life; make one with `linewright rul train`")
    if card.get("version") != VERSION:
        raise BadModelFile(f"the model has format {card.get('version')}, this program reads {VERSION}: train it anew")
    if card.get("sha256") != _hash(arrays):
        raise BadModelFile("the model file is damaged: its numbers are not those that were written; train it anew")


def _model(card: dict[str, Any], arrays: Arrays) -> LifeModel:
    features = Features(columns=tuple(card["columns"]), **_unpacked("features", arrays, Features))
    fleet = Fleet(**_unpacked("fleet", arrays, Fleet))
    learned = _learned(card, arrays) if card["scorers"] else None
    return LifeModel(card["kind"], features, float(card["cap"]), fleet, learned, card)


def _learned(card: dict[str, Any], arrays: Arrays) -> Learned:
    made = KINDS[card["kind"]]
    scorers: tuple[Scorer, ...] = tuple(
        made(**_unpacked(f"scorer{number}", arrays, made)) for number in range(int(card["scorers"]))
    )
    path = Path(**_unpacked("path", arrays, Path))
    familiar = Familiar(path=path, **_unpacked("familiar", arrays, Familiar))
    return Learned(scorers, Outcomes(**_unpacked("outcomes", arrays, Outcomes)), familiar, arrays["fresh"])


def _packed(prefix: str, part: Any, without: tuple[str, ...] = ()) -> Arrays:
    names = [field.name for field in fields(part) if field.name not in without]
    return {f"{prefix}.{name}": np.asarray(getattr(part, name)) for name in names}


def _unpacked(prefix: str, arrays: Arrays, made: type[Any]) -> dict[str, Any]:
    """The fields of one part that the file holds; single numbers as Python's own."""
    found = {field.name: arrays.get(f"{prefix}.{field.name}") for field in fields(made)}
    return {name: array if array.ndim else array.item() for name, array in found.items() if array is not None}


def _hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _archive(arrays: Arrays) -> bytes:
    memory = io.BytesIO()
    np.savez_compressed(memory, allow_pickle=False, **arrays)
    return memory.getvalue()
