"""JSON → value and quality of a sample, with what the mapping knows of its texts. Pure."""

import math
import re
from collections.abc import Mapping
from typing import Any

from protocols.sample import Reason, ValueKind, bad
from protocols.wire.named import Reported, of_json

_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_DIGITS_MOST = 64
_TEXT_MOST = 4096
_NO_NUMBER = Reported(ValueKind.FLOAT, math.nan, bad(Reason.UNDECODABLE))


def reported(raw: Any, words: Mapping[str, bool | float], *, is_number: bool) -> Reported:
    """A JSON value as that of a sample.

    `words` stand for other values; with `is_number` any other text is a number, and bad when it is none.

    Raises:
        ValueError: it is no single value, or a text too long to be one.
    """
    if isinstance(raw, dict | list):
        raise ValueError(
            f"{'an object' if isinstance(raw, dict) else 'a list'}; {{key#}} in the path takes what is inside"
        )
    if not isinstance(raw, str):
        return of_json(raw)
    if raw in words:
        return of_json(words[raw])
    if is_number:
        told = len(raw) <= _DIGITS_MOST and _NUMBER.fullmatch(raw)
        return Reported(ValueKind.FLOAT, float(raw)) if told else _NO_NUMBER
    if len(raw) > _TEXT_MOST:
        raise ValueError(f"a text of {len(raw)} characters; at most {_TEXT_MOST} are stored")
    return of_json(raw)
