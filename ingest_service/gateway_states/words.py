"""The retained JSON of `…/up/state`, as edge_gateway/uplink/state.py writes it. Pure.

Fields that this version does not know are left alone: a newer gateway may say more.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols import UndecodablePayload

_SEQ_MOST = (1 << 40) - 1
_NS_MOST = (1 << 63) - 1
_RANGES_MOST = 1000

_Count = Annotated[int, Field(ge=0, le=_NS_MOST)]
_Seq = Annotated[int, Field(ge=1, le=_SEQ_MOST)]


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Dropped(_Words):
    """A range of batches that will never come."""

    run: UUID
    first_seq: _Seq
    last_seq: _Seq
    samples: _Count
    first_ns: _Count
    last_ns: _Count
    reason: str = Field(max_length=200)


class State(_Words):
    """Of a gateway that is there, all it knows; of one that is gone, only that."""

    online: bool
    runs: list[UUID] = Field([], max_length=100)
    revision: int | None = Field(None, ge=0, le=_NS_MOST)
    open_batches: _Count | None = None
    set_aside: str | None = Field(None, max_length=1000)
    dropped: list[Dropped] = Field([], max_length=_RANGES_MOST)


def parse(payload: bytes) -> State:
    """What a gateway says.

    Raises:
        UndecodablePayload: it is not that.
    """
    try:
        state = State.model_validate_json(payload)
    except ValidationError as error:
        raise UndecodablePayload(f"no state of a gateway: {error.errors()[0]['msg']}") from error
    for gap in state.dropped:
        if gap.last_seq < gap.first_seq or gap.last_ns < gap.first_ns:
            raise UndecodablePayload("no state of a gateway: a dropped range that ends before it begins")
    return state
