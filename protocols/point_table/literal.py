"""Values of a point table as TOML writes them: text, numbers, and lists and tables on one line. Pure.

[0, 10] in a cell ──parsed──► [0, 10]          {1: "off"} ──written──► { 1 = "off" }
"""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, time

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def written(value: object) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{_key(str(key))} = {written(inner)}" for key, inner in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(inner) for inner in value)}]"
    if isinstance(value, float):
        return str(value)  # nan and inf are TOML as Python writes them
    if isinstance(value, date | time):
        return value.isoformat()
    # JSON's texts, integers and booleans are TOML too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else written(key)


def parsed(text: str) -> object:
    """The value that `text` is in TOML; the text itself when it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        return text


def cell(value: object) -> str | int | float | bool:
    """What stands in a cell of a spreadsheet: lists and tables as TOML, nothing as blank."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, bool | int | float) else written(value)
