"""Names from elsewhere as names of ours: what fits stays, everything else becomes a slug that no other name shares.

    "temperature" ─► "temperature"        "Spindle/Drehzahl (1/min)" ─► "spindle.drehzahl-1.min-3f2a91"

A slug of a changed name ends in 6 hex digits of its SHA-256, so "Temp A" and "temp a" stay two tags.
"""

import re
from functools import lru_cache
from hashlib import sha256

from protocols.wire.catalog import ID

_KEPT = re.compile(ID)
_ID_KEPT = re.compile(r"[a-z0-9-]{1,64}")
_LETTERS_MOST = 64
_DIGITS = 6


@lru_cache(maxsize=65536)
def slug(text: str) -> str:
    """A name of a machine or a tag for any text."""
    if _KEPT.fullmatch(text):
        return text
    return _marked(text, re.sub(r"[^a-z0-9_.-]+", "-", text.lower().replace("/", ".")).strip("-._"))


@lru_cache(maxsize=8192)
def id_slug(text: str) -> str:
    """The same for a tenant or a gateway, whose ids stand in topics and have neither dot nor underscore."""
    if _ID_KEPT.fullmatch(text):
        return text
    return _marked(text, re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-"))


def _marked(text: str, plain: str) -> str:
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{plain[: _LETTERS_MOST - _DIGITS - 1]}-{mark}" if plain else f"x-{mark}"
