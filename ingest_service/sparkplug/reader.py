"""Sparkplug as one way to understand messages: the host behind the seam of `ingest_service.reading`.

Message ──parse──► Host.take ──► Reading: batch without header, its tags named by machine and metric
"""

from collections.abc import Sequence
from hashlib import sha256

from ingest_service.delivery import NO_RUN, Content, Identity, Message, Refusal, Refused
from ingest_service.reading import Reading, refused
from ingest_service.sparkplug.births import Said
from ingest_service.sparkplug.host import Host
from protocols import OversizedPayload, UndecodablePayload
from protocols.sparkplug.topics import NAMESPACE, Topic, host_of, parse
from protocols.topics import BadTopic
from protocols.wire.batch import Batch

_PREFIX = f"{NAMESPACE}/"


class SparkplugReader:
    """Read by one worker: an edge node's messages mean something in their order only."""

    shared: Sequence[str] = ()

    def __init__(self, host: Host, groups: Sequence[str]) -> None:
        self._host = host
        self.own = [f"{_PREFIX}{group}/#" for group in groups] or [f"{_PREFIX}#"]

    def takes(self, topic: str) -> bool:
        return topic.startswith(_PREFIX)

    def read(self, message: Message) -> Reading | None:
        if host_of(message.topic) is not None:
            return None  # another host's birth or death
        try:
            topic = parse(message.topic)
        except BadTopic as error:
            return refused(message, Refused.BAD_TOPIC, str(error))
        try:
            said = self._host.take(topic, message)
        except UndecodablePayload as error:
            return self._refusal(topic, message, error)
        return Reading(self._host.address(topic.node), _content(message, said)) if said else None

    def _refusal(self, topic: Topic, message: Message, error: UndecodablePayload) -> Reading:
        reason = Refused.OVERSIZED if isinstance(error, OversizedPayload) else Refused.UNDECODABLE
        refusal = Refusal(reason, str(error)[:1000])
        return Reading(self._host.address(topic.node), Content(None, None, sha256(message.payload).digest(), refusal))


def _content(message: Message, said: Said) -> Content:
    known_by = sha256(message.topic.encode() + b"\0" + message.payload).digest()
    batch = Batch(None, said.columns, known_by, said.names, said.table)
    return Content(Identity(NO_RUN, int.from_bytes(known_by[:8]) >> 1), batch, known_by)
