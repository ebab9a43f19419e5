"""A message from the broker, taken apart: which batch of which gateway it is, or why it cannot be one. Pure.

    Message ──read──► Delivery (batch) | Delivery (refusal)

Nothing raises: a message that cannot be read is a delivery with a refusal, and goes to the dead letters.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from ingest_service.series_map import SeriesMap
from protocols import OversizedPayload, ProtocolsError, UndecodablePayload
from protocols.topics import BadTopic
from protocols.wire import columnar
from protocols.wire.batch import Batch
from protocols.wire.decode import decode

# Sources without a run: their batches are known by their hash alone, see `Identity`.
NO_RUN = UUID(int=0)


class Message(NamedTuple):
    """As the broker gave it. `mid` is the broker's number for it and means something on `connection` only."""

    topic: str
    payload: bytes
    mid: int = 0
    connection: int = 0


class Account(NamedTuple):
    """A row of the ledger."""

    gateway_id: UUID
    run_id: UUID


class Identity(NamedTuple):
    """What makes a batch the same batch when it comes again.

    For a source without a sequence `run_id` is NO_RUN and `seq` is cut from the hash, so the same message
    delivered twice is the same batch.
    """

    run_id: UUID
    seq: int
    sha256: bytes


class Refused(StrEnum):
    """Why a whole payload can never be stored; the dead letter's reason."""

    BAD_TOPIC = "bad_topic"
    OVERSIZED = "oversized"
    UNDECODABLE = "undecodable"
    UNSTORABLE = "unstorable"
    CONFLICT = "conflict"


class Refusal(NamedTuple):
    """Reason and detail, for the dead letter and for the gateway."""

    reason: Refused
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way into a group. Without `refusal` there are identity, gateway, batch and series."""

    message: Message
    sha256: bytes
    identity: Identity | None = None
    gateway_id: UUID | None = None
    batch: Batch | None = None
    series: SeriesMap | None = None
    refusal: Refusal | None = None

    @property
    def account(self) -> Account | None:
        """The ledger row that decides whether this is new; None when nobody can tell which batch it is."""
        if self.gateway_id is None or self.identity is None:
            return None
        return Account(self.gateway_id, self.identity.run_id)

    @property
    def seq(self) -> int:
        return self.identity.seq if self.identity else 0

    @property
    def rows(self) -> int:
        return self.batch.count if self.batch else 0


def read(message: Message) -> Delivery:
    """Decode a message of a data topic."""
    try:
        batch = decode(message.topic, message.payload)
    except ProtocolsError as error:
        return _refused(message, error)
    if batch.header:
        identity = Identity(batch.header.run_id, batch.header.seq, batch.sha256)
    else:
        identity = Identity(NO_RUN, int.from_bytes(batch.sha256[:8]) >> 1, batch.sha256)
    return Delivery(message, batch.sha256, identity, batch=batch)


def revision_of(message: Message) -> int | None:
    """The configuration revision a columnar payload was made under; None when it does not say."""
    try:
        return columnar.read_header(message.payload).revision
    except UndecodablePayload:
        return None


def _refused(message: Message, error: ProtocolsError) -> Delivery:
    sha256 = hashlib.sha256(message.payload).digest()
    reason = Refused.UNDECODABLE
    if isinstance(error, BadTopic):
        reason = Refused.BAD_TOPIC
    elif isinstance(error, OversizedPayload):
        reason = Refused.OVERSIZED
    try:
        header = columnar.read_header(message.payload)
        identity = Identity(header.run_id, header.seq, sha256)
    except UndecodablePayload:
        identity = None
    return Delivery(message, sha256, identity, refusal=Refusal(reason, str(error)[:1000]))
