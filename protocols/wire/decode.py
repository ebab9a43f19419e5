"""One way in for every data payload: topic and bytes → Batch. The format is told by the first bytes.

- "LW…"  columnar batch of a Linewright gateway
- "{…" or "[…"   JSON of a device that speaks MQTT itself
"""

from protocols import OversizedPayload, UndecodablePayload
from protocols.topics import BadTopic, Up, parse
from protocols.wire import columnar, json_samples
from protocols.wire.batch import Batch


def decode(topic: str, payload: bytes) -> Batch:
    """Decode what arrived on a data topic.

    Raises:
        BadTopic: the topic is no data topic of ours.
        UndecodablePayload: no known format, damaged, or too large (OversizedPayload).
    """
    address, lane = parse(topic)
    if lane is not Up.DATA:
        raise BadTopic(f"{topic!r} carries no samples")
    if len(payload) > columnar.PAYLOAD_BYTES_MOST:
        raise OversizedPayload(f"{len(payload)} bytes, at most {columnar.PAYLOAD_BYTES_MOST} are taken")
    if payload.startswith(columnar.MAGIC):
        return columnar.decode(payload)
    if payload.lstrip()[:1] in {b"{", b"["}:
        return json_samples.decode(payload, address.gateway)
    raise UndecodablePayload(f"neither a columnar batch nor JSON: it begins with {payload[:8]!r}")
