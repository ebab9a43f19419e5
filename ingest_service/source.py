"""Where messages come from and receipts go to: all that the pipeline knows of a broker.

    Source.burst() ──► collector ──► committer ──► Source.acknowledge(), Source.publish()

`Subscriber` is one over MQTT 5. Another broker needs another adapter behind the same promises; the tests of the
contract run against each.

- What is not acknowledged is not forgotten: when this process is gone, the message goes to another one, or its
  sender is never told that it was stored and sends it again.
- What is held is bounded in number and bytes; behind the bound the broker waits, not the memory.
- An acknowledgement that comes too late to mean anything (another connection, another lease) does nothing.
"""

from collections.abc import Iterable
from typing import Protocol, Self

from ingest_service.delivery import Message


class Source(Protocol):
    """An open subscription, as the pipeline sees it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_exc: object) -> None:
        """Leave within seconds, even from a broker that does not answer."""
        ...

    @property
    def connected(self) -> bool: ...

    @property
    def fill(self) -> float:
        """How much of the bound is held, 0 to 1."""
        ...

    async def wait_subscribed(self) -> None:
        """Until the broker has confirmed that messages will come."""
        ...

    async def burst(self, timeout_s: float | None = None) -> list[Message]:
        """The next few messages; waits for the first one, at most `timeout_s`, then returns none."""
        ...

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """These are safe; each message once."""
        ...

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send, without waiting; False when it was not even tried. What is sent may be lost all the same."""
        ...
