"""A model as one file: a card that people read and a state that a detector restores. Pure, no pickle.

    b"LWMODEL1" · length of the card (4 bytes, little-endian) · card (canonical JSON) · state (bytes of the detector)

The card carries the hash of the state; the hash of the whole file names the model.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from anomaly.models import UnreadableModel
from anomaly.rows import Detector, Rows

_MAGIC = b"LWMODEL1"
_LENGTH = struct.Struct("<I")
_CALM_SHARE = 1 / 3  # the rows behind those that were learned, for the figures
_ROWS_LEAST = 30


@dataclass(frozen=True, slots=True)
class Figure:
    """How good it is at something; better: higher or lower."""

    value: float
    better: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a model is and what it was made from. kind: detector and version; machine: slug, or a class."""

    kind: str
    machine: str
    columns: tuple[str, ...]
    rows: int
    from_ns: int
    to_ns: int
    figures: Mapping[str, Figure]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A card and the state it belongs to."""

    card: Card
    state: bytes


def train(detector: Detector, card: Card, rows: Rows) -> ModelFile:
    """Let a fresh detector learn the first two thirds of `rows`, and measure how calm it is on the rest.

    card: `rows`, `from_ns`, `to_ns` and the figures `above_1`, `above_2` (shares of the surprises; a calm tag has 0.1
    and 0.01) are filled in.

    Raises:
        UnreadableModel: fewer than 30 rows, or not as many columns as the card names.
    """
    if len(rows) < _ROWS_LEAST or rows.tags != len(card.columns):
        raise UnreadableModel(f"{len(rows)} rows of {rows.tags} columns for {len(card.columns)} named ones")
    cut = len(rows) - int(len(rows) * _CALM_SHARE)
    detector.learn(rows.part(0, cut))
    state = detector.snapshot()
    surprise = detector.update(rows.part(cut))
    said = surprise[np.isfinite(surprise)]
    figures = {
        f"above_{level}": Figure(float((said > level).mean()) if len(said) else 0.0, "lower") for level in (1, 2)
    }
    ends = {"rows": cut, "from_ns": int(rows.time_ns[0]), "to_ns": int(rows.time_ns[cut - 1])}
    return ModelFile(Card(**_plain(card) | ends, figures={**card.figures, **figures}), state)


def write(model: ModelFile) -> bytes:
    """The file; the same model always gives the same bytes."""
    told = asdict(model.card) | {"state_sha256": hashlib.sha256(model.state).hexdigest()}
    card = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return _MAGIC + _LENGTH.pack(len(card)) + card + model.state


def read(content: bytes, kinds: Sequence[str] | None = None) -> ModelFile:
    """The model of a file.

    kinds: those that the caller can run; None: any.

    Raises:
        UnreadableModel: no such file, damaged, or of another kind.
    """
    head = len(_MAGIC) + _LENGTH.size
    if not content.startswith(_MAGIC) or len(content) < head:
        raise UnreadableModel("this is no model file of Linewright, or one of another version")
    (length,) = _LENGTH.unpack(content[len(_MAGIC) : head])
    state = content[head + length :]
    try:
        told = json.loads(content[head : head + length])
        known = told.pop("state_sha256")
        card = card_of(told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableModel(f"the card of the model is damaged: {error}") from error
    if hashlib.sha256(state).hexdigest() != known:
        raise UnreadableModel("the state of the model is not the one that was written")
    if kinds is not None and card.kind not in kinds:
        raise UnreadableModel(f"a model of kind {card.kind}; this program runs {', '.join(kinds)}")
    return ModelFile(card, state)


def card_of(told: Mapping[str, Any]) -> Card:
    """A card from its JSON. Raises KeyError, TypeError, AttributeError when it is none."""
    figures = {name: Figure(**figure) for name, figure in told["figures"].items()}
    return Card(**{**told, "columns": tuple(told["columns"]), "figures": figures})


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models; verdict: better, worse or same, for the second."""

    name: str
    one: float
    other: float
    verdict: str


def compare(one: Card, other: Card) -> list[Difference]:
    """The figures that both have, by name."""
    return [
        _difference(name, one.figures[name], other.figures[name]) for name in sorted(one.figures.keys() & other.figures)
    ]


def _difference(name: str, one: Figure, other: Figure) -> Difference:
    gained = (other.value - one.value) * (1 if one.better == "higher" else -1)
    return Difference(name, one.value, other.value, "better" if gained > 0 else "worse" if gained < 0 else "same")


def _plain(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in ("kind", "machine", "columns", "note")}
