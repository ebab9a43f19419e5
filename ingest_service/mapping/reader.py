"""The mappings of a worker as one Reader: foreign messages in, readings for the intake out.

A message is known by the hash of topic and payload, so its redelivery is stored once. Where a sample has no time
but that of its arrival, every arrival is another message, and a redelivery looks like a new value.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import structlog

from ingest_service import metrics
from ingest_service.delivery import NO_RUN, Content, Identity, Message, Refusal, Refused
from ingest_service.mapping.mapping import MessageMapping
from ingest_service.mapping.settings import MappingSettings
from ingest_service.mapping.source import Collected
from ingest_service.reading import Reading, refused
from protocols import OversizedPayload, ProtocolsError, UndecodablePayload
from protocols.topics import GatewayAddress
from protocols.wire.named import named_batch

log = structlog.get_logger()


class MappingReader:
    """Reads what the mappings describe. `arrived_ns` tells the wall time."""

    own = ()

    def __init__(self, settings: Sequence[MappingSettings], arrived_ns: Callable[[], int] = time.time_ns) -> None:
        self._mappings = [MessageMapping(one) for one in settings]
        self._arrived_ns = arrived_ns
        self._told: set[tuple[str, str]] = set()
        self.shared = tuple(mapping.topic.subscription for mapping in self._mappings)

    def takes(self, topic: str) -> bool:
        return any(mapping.topic.pattern.fullmatch(topic) for mapping in self._mappings)

    def read(self, message: Message) -> Reading | None:
        for mapping in self._mappings:
            levels = mapping.topic.match(message.topic)
            if levels is not None:
                return self._read(mapping, message, levels)
        return refused(message, Refused.BAD_TOPIC, f"no mapping takes {message.topic[:200]!r}")

    def _read(self, mapping: MessageMapping, message: Message, levels: Mapping[str, str]) -> Reading | None:
        address: GatewayAddress | None = None
        arrived_ns = self._arrived_ns()
        try:
            address = mapping.address(levels)
            mapped = mapping.apply(levels, message.payload, arrived_ns)
            self._count(mapping.name, mapped)
            if not mapped.samples:
                _refuse_unusable(mapped)
                return None
        except ProtocolsError as error:
            reason = Refused.OVERSIZED if isinstance(error, OversizedPayload) else Refused.UNDECODABLE
            refusal = Refusal(reason, f"mapping {mapping.name}: {error}"[:1000])
            return Reading(address, Content(None, None, sha256(message.payload).digest(), refusal))
        batch = named_batch(mapped.samples, _hash(message, arrived_ns if mapped.from_arrival else None))
        identity = Identity(NO_RUN, int.from_bytes(batch.sha256[:8]) >> 1)
        return Reading(address, Content(identity, batch, batch.sha256))

    def _count(self, name: str, mapped: Collected) -> None:
        for skipped in mapped.skipped:
            metrics.UNMAPPED.labels(name, skipped.reason).inc()
            if not skipped.reason.is_wanted and (name, skipped.reason) not in self._told:
                self._told.add((name, skipped.reason))
                log.warning(
                    "a value of a foreign message is not stored; told once for each reason",
                    mapping=name, tag=skipped.name, cause=skipped.detail, way_out="linewright mapping try FILE",
                )  # fmt: skip


def _refuse_unusable(mapped: Collected) -> None:
    """Nothing is to be stored: as asked, or because nothing could be used; that is a dead letter."""
    unusable = [one for one in mapped.skipped if not one.reason.is_wanted]
    if unusable:
        told = "; ".join(f"{one.name}: {one.detail}" for one in unusable[:3])
        raise UndecodablePayload(f"none of {len(unusable)} values can be used: {told}")


def _hash(message: Message, arrived_ns: int | None) -> bytes:
    """The topic belongs to it: two devices may publish the same bytes."""
    arrival = b"" if arrived_ns is None else str(arrived_ns).encode()
    return sha256(b"\0".join((message.topic.encode(), arrival, message.payload))).digest()
