"""The journal of an order: every event is chained to the one before by a hash, so that no byte changes unseen. Pure.

hash = sha256(hash of the event before | canonical JSON of the event)        the first one follows 32 zero bytes
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from maintenance.records import Event

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event with its place in the chain."""

    event: Event
    hash_prev: bytes
    hash: bytes


def seal(event: Event, before: bytes) -> Sealed:
    """Chain `event` to the hash of the one before it."""
    return Sealed(event, before, _hash(event, before))


def verify(chain: Sequence[Sealed], length: int) -> int | None:
    """The first sequence number at which the journal is broken, None when it is whole.

    length: how many events there must be (the version of the order), so that a cut tail is found as well.
    """
    before = GENESIS
    for number, sealed in enumerate(chain, start=1):
        if sealed.event.seq != number or sealed.hash_prev != before or sealed.hash != _hash(sealed.event, before):
            return number
        before = sealed.hash
    return None if len(chain) == length else min(len(chain), length) + 1


def canonical(event: Event) -> bytes:
    """The event as the one JSON text that it has: sorted keys, no spaces, times in UTC with microseconds."""
    return json.dumps(asdict(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)


def _hash(event: Event, before: bytes) -> bytes:
    return hashlib.sha256(before + canonical(event)).digest()
