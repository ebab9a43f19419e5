"""The commit receipt: what ingest tells a gateway after COMMIT. Cumulative and idempotent, so one heals all.

    {"run": "…", "committed": [[1, 480], [482, 490]], "rejected": {"481": "undecodable: …"}, "credit": 64}

`committed` are closed ranges of sequence numbers whose rows (or whose rejection) are in the database;
`credit` is how many batches the gateway may have in flight.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field

from protocols.wire.checked import Bounds, checked

BOUNDS = Bounds(2 << 20, 5_000)
_REJECTED_MOST = 4096


def _few(rejected: Any) -> Any:
    """Asked before the entries are looked at: every wrong one would be an error to keep."""
    if isinstance(rejected, dict) and len(rejected) > _REJECTED_MOST:
        raise ValueError(f"more than {_REJECTED_MOST}")
    return rejected


class Receipt(BaseModel):
    """What is committed of one run of one gateway."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: UUID
    committed: Annotated[list[tuple[int, int]], FailFast()] = Field(max_length=4096)
    rejected: Annotated[dict[int, str], BeforeValidator(_few)] = Field(default_factory=dict)
    credit: int = Field(ge=0, le=65536)


def encode(receipt: Receipt) -> bytes:
    """The payload of `…/down/receipt`."""
    return receipt.model_dump_json().encode()


def decode(payload: bytes) -> Receipt:
    """Raises UndecodablePayload."""
    return checked(Receipt, payload, BOUNDS)
