"""JSON of devices that speak MQTT themselves: a time and its values, or a list of such; no sequence, no catalog.

    {"ts": 1700000000000, "values": {"temperature": 21.5, "running": true, "pump-2/state": "idle", "flow": null}}
    [{"ts": 1700000000000, "values": {…}}, {"ts": 1700000001000, "values": {…}}]

`ts` is ms since 1970 UTC and required: without it a repeated delivery could not be told from a new value. A key
is `tag`, then the machine bears the name of the sender, or `machine/tag`. null is a value the device could not
give. No tag has two values at one time. Alias i of the batch is `names[i]`.
"""

import hashlib
import re
from typing import Any

from pydantic_core import from_json

from protocols import OversizedPayload, UndecodablePayload
from protocols.wire.batch import Batch
from protocols.wire.catalog import ID
from protocols.wire.named import Reported, named_batch, of_json

PAYLOAD_BYTES_MOST = 1 << 20  # parsed, JSON takes up to 30 times its bytes
VALUES_MOST = 10_000
_MS_END = (1 << 63) // 1_000_000
_NAME = re.compile(ID)


def decode(payload: bytes, sender: str) -> Batch:
    """A payload of the device `sender` as a batch without header.

    Raises:
        UndecodablePayload: no such JSON, or a key that names no tag; too large (OversizedPayload).
    """
    if len(payload) > PAYLOAD_BYTES_MOST:
        raise OversizedPayload(f"{len(payload)} bytes of JSON, at most {PAYLOAD_BYTES_MOST} are taken")
    try:
        document = from_json(payload)
    except ValueError as error:
        raise UndecodablePayload(f"no JSON: {error}") from error
    samples: dict[tuple[str, str, int], Reported] = {}
    for message in document if isinstance(document, list) else [document]:
        _add(samples, message, sender)
    if not samples:
        raise UndecodablePayload("an empty list")
    return named_batch(samples, hashlib.sha256(payload).digest())


def _add(samples: dict[tuple[str, str, int], Reported], message: Any, sender: str) -> None:
    if not isinstance(message, dict) or message.keys() != {"ts", "values"}:
        raise UndecodablePayload('not {"ts": …, "values": {…}}, or a list of such objects')
    ts, values = message["ts"], message["values"]
    if not isinstance(ts, int) or isinstance(ts, bool) or not 0 <= ts < _MS_END:
        raise UndecodablePayload("`ts` is no number of ms since 1970")
    if not isinstance(values, dict) or not values:
        raise UndecodablePayload("`values` is no object with at least one value")
    if len(samples) + len(values) > VALUES_MOST:
        raise OversizedPayload(f"more than {VALUES_MOST} values in one message")
    for key, value in values.items():
        place = (*_name(key, sender), ts * 1_000_000)
        if place in samples:
            raise UndecodablePayload(f"{key!r} has two values at {ts}")
        try:
            samples[place] = of_json(value)
        except ValueError as error:
            raise UndecodablePayload(f"{key!r} is {error}; a value is a number, true, false, a text or null") from error


def _name(key: str, sender: str) -> tuple[str, str]:
    machine, _, tag = key.rpartition("/")
    machine = machine or sender
    if not (_NAME.fullmatch(machine) and _NAME.fullmatch(tag)):
        raise UndecodablePayload(f"{key[:140]!r} names no tag: write tag or machine/tag, each like {ID}")
    return machine, tag
