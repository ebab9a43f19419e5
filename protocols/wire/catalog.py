"""The catalog: which tag an alias stands for in one configuration revision; retained on `…/up/catalog`.

Ingest keeps every revision it has seen, so a backlog of an older revision still finds its tags.
"""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols import UndecodablePayload

ALIAS_END = 1 << 20
ID = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


class CatalogTag(BaseModel):
    """One tag of the gateway."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alias: int = Field(ge=0, lt=ALIAS_END)  # readers keep a table with a place for every alias
    machine: str = Field(pattern=ID)
    tag: str = Field(pattern=ID)
    kind: str = Field(pattern="^(float|int|bool|text)$")
    unit: str = Field(default="", max_length=32)


class Catalog(BaseModel):
    """All tags of one revision."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int = Field(ge=0, lt=1 << 32)
    tags: list[CatalogTag] = Field(max_length=100_000)


def encode(catalog: Catalog) -> bytes:
    """The retained payload."""
    return catalog.model_dump_json().encode()


def decode(payload: bytes) -> Catalog:
    """Raises UndecodablePayload."""
    try:
        return Catalog.model_validate_json(payload)
    except ValidationError as error:
        raise UndecodablePayload(f"no catalog: {error}") from error
