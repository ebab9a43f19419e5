"""Whose tag it is: two senders never write into one series at the same time. Pure.

Two edge nodes may have a device of one name, and a node one of its own name; then the tags that both announce stay
with the one that was born first, until it dies.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ingest_service.sparkplug.table import BirthTag, Name
from protocols.naming import slug
from protocols.sparkplug.topics import EdgeNode

TAGS_MOST = 500_000  # some 400 MB


class Sender(NamedTuple):
    """An edge node, or one of its devices."""

    node: EdgeNode
    device: str | None


class Claims:
    """Who publishes what, by tenant and machine."""

    def __init__(self) -> None:
        self._senders: dict[tuple[str, str], dict[Sender, frozenset[Name]]] = {}
        self._place: dict[Sender, tuple[str, str]] = {}
        self._count = 0

    def free(self, sender: Sender, tenant: str, machine: str, tags: Iterable[BirthTag]) -> list[BirthTag]:
        """Those tags that nobody else publishes, as far as there is room."""
        self.release(sender)
        others = self._senders.get((tenant, machine), {}).values()
        taken = frozenset[Name]().union(*others)
        listed = [tag for tag in tags if (machine, slug(tag.path)) not in taken]
        return listed[: max(0, TAGS_MOST - self._count)]

    def claim(self, sender: Sender, tenant: str, machine: str, names: Iterable[Name]) -> None:
        claimed = frozenset(names)
        self._senders.setdefault((tenant, machine), {})[sender] = claimed
        self._place[sender] = (tenant, machine)
        self._count += len(claimed)

    def release(self, sender: Sender) -> None:
        """It is dead, or is about to be born again."""
        place = self._place.pop(sender, None)
        if place:
            senders = self._senders[place]
            self._count -= len(senders.pop(sender))
            if not senders:
                del self._senders[place]
