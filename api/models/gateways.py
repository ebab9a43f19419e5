"""Gateways, and what is missing of what they measured."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.models.base import Answer, Time


class Gateway(Answer):
    """A gateway and what it last said of itself; null where it never said anything."""

    id: UUID
    slug: str
    name: str
    online: bool | None
    since: Time | None = Field(description="When it came or went.")
    heard_at: Time | None = Field(description="When it last said something new.")
    open_batches: int | None = Field(description="Batches in its spool that are not known to be stored.")


class GatewayPage(Answer):
    """One page of gateways, by slug."""

    items: list[Gateway]
    next_cursor: str | None


class Gap(Answer):
    """Batches of one run of a gateway that are not stored, and why."""

    run_id: UUID
    first_seq: int
    last_seq: int = Field(description="1099511627775: all behind, however many there were.")
    explanation: Literal["dropped", "on_its_way", "unknown"]
    reason: str | None = Field(description="Of what was dropped: no_space, thinned or damaged.")
    samples: int | None = Field(description="How many samples were dropped, where that is known.")
    since: Time | None = Field(
        description="Of what was dropped, the time of its first sample; else when the batch before was stored."
    )
    until: Time | None = Field(
        description="Of what was dropped, the time of its last sample; else when the batch behind was stored."
    )


class Completeness(Answer):
    """Everything that is missing of a gateway; `complete`: nothing is."""

    gateway: Gateway
    complete: bool
    gaps: list[Gap] = Field(description="By run and number, at most 1000.")
