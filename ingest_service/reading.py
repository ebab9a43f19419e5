"""The seam between what the broker brings and what the pipeline stores: one reader for each way to say it.

    Message ──first reader that takes the topic──► Reading(sender, content) ──► Intake
                                        └── nothing to store ──► acknowledged

`GatewayReader` reads our own topics; Sparkplug and foreign JSON are readers beside it, built in `worker`.
A reader may remember what it read before (aliases, sequence numbers): each message is read once.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from ingest_service.delivery import Content, Message, Refusal, Refused, read
from protocols.topics import BadTopic, GatewayAddress, Up, every, parse


class Reading(NamedTuple):
    """What a message says and which gateway says it; `address` None: nobody that we know of."""

    address: GatewayAddress | None
    content: Content


class Reader(Protocol):
    """One way to understand messages.

    `shared` filters are divided among all workers, `own` filters are read by every worker.
    """

    @property
    def shared(self) -> Sequence[str]: ...

    @property
    def own(self) -> Sequence[str]: ...

    def takes(self, topic: str) -> bool: ...

    def read(self, message: Message) -> Reading | None:
        """None: understood, and nothing is to be stored. Never raises; what cannot be read is a refusal."""
        ...


class GatewayReader:
    """Our own topics: columnar batches of gateways, JSON of devices that publish as one."""

    shared = (every(Up.DATA),)
    own = ()

    def takes(self, topic: str) -> bool:
        return topic.startswith("lw/1/") and topic.endswith(f"/up/{Up.DATA}")

    def read(self, message: Message) -> Reading:
        try:
            address, _ = parse(message.topic)
        except BadTopic:
            return Reading(None, read(message))
        return Reading(address, read(message))


def read_with(readers: Sequence[Reader], message: Message) -> Reading | None:
    """Let the first reader that takes the topic read it."""
    for reader in readers:
        if reader.takes(message.topic):
            return reader.read(message)
    return refused(message, Refused.BAD_TOPIC, f"nobody reads {message.topic[:200]!r}")


def refused(message: Message, reason: Refused, detail: str) -> Reading:
    """A message that can never be stored and belongs to no batch: a dead letter."""
    return Reading(None, Content(None, None, sha256(message.payload).digest(), Refusal(reason, detail[:1000])))
