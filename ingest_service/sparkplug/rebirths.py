"""When an edge node is asked to be born again: at once the first time, then ever more seldom. Pure.

A node that answers and goes wrong again is asked less and less, too: its births are its largest messages. It starts
from the beginning when it has been well for twice the longest pause. One that says nothing any more is left alone.
"""

from typing import NamedTuple

from protocols.sparkplug import payload
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import EdgeNode, Verb
from runtime.clock import NS_PER_S

REBIRTH = "Node Control/Rebirth"  # every edge node has it
DEVICE_REBIRTH = "Device Control/Rebirth"  # a device that announces it can be asked alone
_WAIT_MOST_NS = 300 * NS_PER_S
_UNANSWERED_MOST = 6


class Ask(NamedTuple):
    """A request to send: why, and to which device; None: to the edge node itself."""

    reason: str
    device: str | None


class Rebirths:
    """The requests to one edge node."""

    def __init__(self, wait_s: float) -> None:
        self._first_wait_ns = round(wait_s * NS_PER_S)
        self._wait_ns = 0
        self._asked_ns: int | None = None
        self._unanswered = 0
        self._wanted: Ask | None = None
        self._device_was_asked = False

    @property
    def wanted(self) -> bool:
        return self._wanted is not None

    def want(self, reason: str, device: str | None = None) -> None:
        """Something is missing that only a birth can tell: that of one device, or that of the node and all its devices.

        The first reason stays until the birth.
        """
        if self._wanted is None:
            self._wanted = Ask(reason, device)
        elif self._wanted.device != device:
            self._wanted = Ask(self._wanted.reason, None)
        self._unanswered = 0

    def settle(self) -> None:
        """It was born, or it is dead."""
        self._wanted = None
        self._device_was_asked = False

    def settle_device(self, device: str) -> None:
        """A device was born or died; nothing but what was asked of it is settled."""
        if self._wanted and self._wanted.device == device:
            self.settle()

    def due(self, monotonic_ns: int) -> Ask | None:
        """Whom to ask now; counts as asked. A device that does not answer is asked by way of its node."""
        wanted = self._wanted
        if wanted is None or not self._is_time(monotonic_ns):
            return None
        self._wait_ns = min(_WAIT_MOST_NS, max(self._first_wait_ns, 2 * self._wait_ns))
        self._asked_ns = monotonic_ns
        self._unanswered += 1
        ask = Ask(wanted.reason, None) if self._device_was_asked else wanted
        self._device_was_asked = wanted.device is not None
        if self._unanswered >= _UNANSWERED_MOST:
            self.settle()
        return ask

    def _is_time(self, monotonic_ns: int) -> bool:
        if self._asked_ns is None:
            return True
        since_ns = monotonic_ns - self._asked_ns
        if since_ns > 2 * _WAIT_MOST_NS:
            self._wait_ns = 0
        return since_ns >= self._wait_ns


def request(node: EdgeNode, device: str | None, now_ms: int) -> tuple[str, bytes]:
    """Topic and payload that ask for a rebirth; QoS 0, not retained, without sequence number."""
    verb, name = (Verb.NCMD, REBIRTH) if device is None else (Verb.DCMD, DEVICE_REBIRTH)
    command = Metric(name, DataType.BOOLEAN, value=True, timestamp_ms=now_ms)
    return node.topic(verb, device), payload.encode(Payload(now_ms, (command,)), with_datatypes=False)
