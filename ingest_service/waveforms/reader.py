"""Reads `…/up/wave`: one part of a burst a message, with a number of its run, as a batch has. Pure.

Message ──decode──► Content(identity, burst) │ Content(identity, refusal): a dead letter, and the number is done
"""

from hashlib import sha256

from ingest_service.delivery import Content, Identity, Message, Refusal, Refused, refusal_of
from ingest_service.reading import Reading
from protocols import ProtocolsError, UndecodablePayload
from protocols.topics import BadTopic, GatewayAddress, Up, every, parse
from protocols.wire import waveform


class WaveReader:
    """Bursts of every gateway; a device that publishes as one does the same."""

    shared = (every(Up.WAVE),)
    own = ()

    def takes(self, topic: str) -> bool:
        return topic.startswith("lw/1/") and topic.endswith(f"/up/{Up.WAVE}")

    def read(self, message: Message) -> Reading:
        return Reading(_address(message.topic), _content(message.payload))


def _address(topic: str) -> GatewayAddress | None:
    try:
        return parse(topic)[0]
    except BadTopic:
        return None


def _content(payload: bytes) -> Content:
    digest = sha256(payload).digest()
    try:
        part = waveform.decode(payload)
    except ProtocolsError as error:
        return Content(_identity(payload), None, digest, refusal_of(error))
    if part.parts == 1 and sha256(part.data).digest() != part.burst_sha256:
        refusal = Refusal(Refused.UNDECODABLE, "the data are not those that were measured: their hash is another one")
        return Content(_identity(payload), None, digest, refusal)
    return Content(Identity(part.header.run_id, part.header.seq), None, digest, burst=part)


def _identity(payload: bytes) -> Identity | None:
    try:
        return Identity(*waveform.read_identity(payload))
    except UndecodablePayload:
        return None
