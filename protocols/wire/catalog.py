"""The catalog: which tag an alias stands for in one configuration revision; retained on `…/up/catalog`.

Ingest keeps every revision it has seen, so a backlog of an older revision still finds its tags.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

from protocols.wire.checked import Bounds, checked

ALIAS_END = 1 << 20
BOUNDS = Bounds(3 << 20, 50_000)  # some 30,000 tags
TITLE_LETTERS_MOST = 200
ID = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


class CatalogTag(BaseModel):
    """One tag of the gateway."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alias: int = Field(ge=0, lt=ALIAS_END)  # readers keep a table with a place for every alias
    machine: str = Field(pattern=ID)
    tag: str = Field(pattern=ID)
    kind: str = Field(pattern="^(float|int|bool|text|waveform)$")
    unit: str = Field(default="", max_length=32)
    # What people call them, where a source has names that are no ids of ours; a gateway has none, and sends none.
    title: str = Field(default="", max_length=TITLE_LETTERS_MOST, exclude=True)
    machine_title: str = Field(default="", max_length=TITLE_LETTERS_MOST, exclude=True)


class Catalog(BaseModel):
    """All tags of one revision."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int = Field(ge=0, lt=1 << 32)
    tags: Annotated[list[CatalogTag], FailFast()] = Field(max_length=100_000)


def encode(catalog: Catalog) -> bytes:
    """The retained payload."""
    return catalog.model_dump_json().encode()


def decode(payload: bytes) -> Catalog:
    """Raises UndecodablePayload."""
    return checked(Catalog, payload, BOUNDS)
