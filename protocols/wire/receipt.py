"""The commit receipt: what ingest tells a gateway after COMMIT. Cumulative and idempotent, so one heals all.

    {"run": "…", "committed": [[1, 480], [482, 490]], "rejected": {"481": "undecodable: …"}, "credit": 64}

`committed` are closed ranges of sequence numbers whose rows (or whose rejection) are in the database;
`credit` is how many batches the gateway may have in flight.
"""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols import UndecodablePayload


class Receipt(BaseModel):
    """What is committed of one run of one gateway."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: UUID
    committed: list[tuple[int, int]] = Field(max_length=4096)
    rejected: dict[int, str] = Field(default_factory=dict, max_length=4096)
    credit: int = Field(ge=0, le=65536)


def encode(receipt: Receipt) -> bytes:
    """The payload of `…/down/receipt`."""
    return receipt.model_dump_json().encode()


def decode(payload: bytes) -> Receipt:
    """Raises UndecodablePayload."""
    try:
        return Receipt.model_validate_json(payload)
    except ValidationError as error:
        raise UndecodablePayload(f"no receipt: {error}") from error
