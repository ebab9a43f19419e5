"""One edge node between birth and death: its order, its births, what waits for a birth. Pure.

born ──► online: node table, device tables, sequence ──► dead: every tag stale
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ingest_service.delivery import Message
from ingest_service.sparkplug.rebirths import Rebirths
from ingest_service.sparkplug.sequence import Sequence, Step
from ingest_service.sparkplug.table import Name, Table
from protocols.sample import Column, Columns, Reason, ValueKind, bad, concatenate, failed
from protocols.sparkplug.topics import EdgeNode
from protocols.topics import GatewayAddress

_HELD_MOST = 64
_HELD_BYTES_MOST = 1 << 20
NODE = None  # the place of the node's own table among those of its devices


class Stale(NamedTuple):
    """Tags whose sender is gone, each with a bad sample."""

    names: tuple[Name, ...]
    columns: Columns


@dataclass(slots=True)
class Session:
    """What the host knows of one edge node."""

    node: EdgeNode
    address: GatewayAddress
    rebirths: Rebirths
    bd_seq: int | None = None
    sequence: Sequence | None = None
    tables: dict[str | None, Table] = field(default_factory=dict)
    _held: list[tuple[str, Message]] = field(default_factory=list)

    @property
    def online(self) -> bool:
        return self.sequence is not None

    def born(self, bd_seq: int | None, seq: int) -> None:
        """A birth of the node: nothing from before it counts any more."""
        self.bd_seq = bd_seq
        self.sequence = Sequence(seq)
        self.tables.clear()
        self._held.clear()
        self.rebirths.settle()

    def died(self) -> None:
        self.sequence = None
        self.tables.clear()
        self._held.clear()
        self.rebirths.settle()

    def step(self, seq: int | None, monotonic_ns: int) -> None:
        """Count a message. One without a number cannot be missed and cannot be checked."""
        if seq is not None and self.sequence and self.sequence.step(seq, monotonic_ns) is Step.STRANGE:
            self.rebirths.want("sequence")

    def check(self, monotonic_ns: int, reorder_timeout_ns: int) -> None:
        """Give up waiting for what should have come."""
        if self.waits and self.sequence and self.sequence.missing_for_ns(monotonic_ns) >= reorder_timeout_ns:
            self.sequence.give_up()
            self.rebirths.want("gap")

    @property
    def waits(self) -> bool:
        """Whether a message is missing that may still come."""
        return self.sequence is not None and not self.sequence.complete

    def hold(self, device: str, message: Message) -> bool:
        """Keep data of a device whose birth may be among what is missing; False when there is no room."""
        held_bytes = sum(len(held.payload) for _, held in self._held)
        if len(self._held) >= _HELD_MOST or held_bytes + len(message.payload) > _HELD_BYTES_MOST:
            return False
        self._held.append((device, message))
        return True

    def release(self, device: str) -> list[Message]:
        """What was held for this device."""
        released = [message for held_for, message in self._held if held_for == device]
        self._held = [(held_for, message) for held_for, message in self._held if held_for != device]
        return released

    def stale(self, devices: list[str | None], time_ns: int) -> Stale:
        """A bad sample for every tag of these devices (NODE: the node itself)."""
        names: list[Name] = []
        columns: list[Column] = []
        for device in devices:
            table = self.tables[device]
            kinds = np.array(table.kinds, np.int64)
            for kind in ValueKind:
                aliases = (np.flatnonzero(kinds == kind) + len(names)).astype(np.uint32)
                columns.append(failed(kind, aliases, time_ns, bad(Reason.DISCONNECTED)))
            names += table.names
        return Stale(tuple(names), concatenate(columns))
