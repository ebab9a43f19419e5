"""A message from the broker, taken apart: which batch of which gateway it is, or why it cannot be one. Pure.

    Message ──read──► Content (batch | refusal) ──deliver (gateway, series)──► Delivery

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
from protocols.wire.batch import Batch, BatchHeader
from protocols.wire.decode import decode
from protocols.wire.waveform import WaveformPart

# A decoded sample: alias, time, value, quality.
_BYTES_PER_SAMPLE = 22

# Sources without a sequence, see `Identity`.
NO_RUN = UUID(int=0)


class Message(NamedTuple):
    """As the broker gave it. `mid` is the broker's number for it and means something on `connection` only."""

    topic: str
    payload: bytes
    mid: int = 0
    connection: int = 0


def weight_bytes(message: Message, samples: int) -> int:
    """What a message takes in memory, compressed and decoded."""
    return max(len(message.payload), samples * _BYTES_PER_SAMPLE)


class Account(NamedTuple):
    """A row of the ledger."""

    gateway_id: UUID
    run_id: UUID


class Identity(NamedTuple):
    """Which batch of its gateway it is.

    For a source without a sequence `run_id` is NO_RUN and `seq` is cut from the hash: a name for people, not a
    number. Its samples are told from repetitions one by one, see `redelivery`.
    """

    run_id: UUID
    seq: int


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


class Content(NamedTuple):
    """What a message holds: a batch or a part of a burst, and which one of its run it is; or a refusal, and which one
    it would have been, if known."""

    identity: Identity | None
    batch: Batch | None
    sha256: bytes
    refusal: Refusal | None = None
    burst: WaveformPart | None = None

    @property
    def header(self) -> BatchHeader | None:
        """As its gateway wrote it; None of a refusal and of a batch that names its own tags."""
        held = self.batch or self.burst
        return held.header if held else None

    @property
    def rows(self) -> int:
        """Values in it."""
        if self.burst:
            return self.burst.header.count
        return self.batch.count if self.batch else 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way into a group.

    `account` is the ledger row that decides whether it is new; None when nobody can tell which batch it is.
    Without `refusal` there are account, series, and a batch or a part of a burst.
    """

    message: Message
    sha256: bytes
    account: Account | None
    seq: int
    rows: int
    gateway_id: UUID | None
    batch: Batch | None
    series: SeriesMap | None
    refusal: Refusal | None
    tenant: str | None = None
    burst: WaveformPart | None = None


def deliver(
    message: Message,
    content: Content,
    gateway_id: UUID | None,
    series: SeriesMap | None = None,
    tenant: str | None = None,
) -> Delivery:
    """Put together what was read and what is known of its sender."""
    identity, batch, sha256, refusal, burst = content
    account = Account(gateway_id, identity.run_id) if gateway_id and identity else None
    seq = identity.seq if identity else 0
    return Delivery(message, sha256, account, seq, content.rows, gateway_id, batch, series, refusal, tenant, burst)


def bury(delivery: Delivery, refusal: Refusal) -> Delivery:
    """The same message as nobody's batch: it becomes a dead letter and leaves no mark in the ledger."""
    content = Content(None, None, delivery.sha256, refusal)
    return deliver(delivery.message, content, delivery.gateway_id, tenant=delivery.tenant)


def read(message: Message) -> Content:
    """Decode a message of a data topic."""
    try:
        batch = decode(message.topic, message.payload)
    except ProtocolsError as error:
        return _refused(message, error)
    if batch.header:
        return Content(Identity(batch.header.run_id, batch.header.seq), batch, batch.sha256)
    return Content(Identity(NO_RUN, int.from_bytes(batch.sha256[:8]) >> 1), batch, batch.sha256)


def _refused(message: Message, error: ProtocolsError) -> Content:
    sha256 = hashlib.sha256(message.payload).digest()
    try:
        header = columnar.read_header(message.payload)
        identity = Identity(header.run_id, header.seq)
    except UndecodablePayload:
        identity = None
    return Content(identity, None, sha256, refusal_of(error))


def refusal_of(error: ProtocolsError) -> Refusal:
    """What is told of a payload that cannot be read."""
    reason = Refused.UNDECODABLE
    if isinstance(error, BadTopic):
        reason = Refused.BAD_TOPIC
    elif isinstance(error, OversizedPayload):
        reason = Refused.OVERSIZED
    return Refusal(reason, str(error)[:1000])
