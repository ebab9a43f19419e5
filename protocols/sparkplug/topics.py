"""Topics of Sparkplug B: `spBv1.0/<group>/<verb>/<edge node>[/<device>]` and `spBv1.0/STATE/<host>`."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from protocols.topics import BadTopic

NAMESPACE = "spBv1.0"
_STATE = "STATE"
_ID = re.compile(r"[^+/#\0]+")


class Verb(StrEnum):
    """What a message says: N of an edge node, D of a device."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DCMD = "DCMD"
    DDEATH = "DDEATH"

    @property
    def of_device(self) -> bool:
        return self.value.startswith("D")


@dataclass(frozen=True, slots=True)
class EdgeNode:
    """Group and edge node: together one sender, unique in the plant. Ids are case-sensitive."""

    group: str
    edge: str

    def __post_init__(self) -> None:
        for name in (self.group, self.edge):
            check_id(name)

    def __str__(self) -> str:
        return f"{self.group}/{self.edge}"

    def topic(self, verb: Verb, device: str | None = None) -> str:
        """Where a message of this verb goes.

        Raises:
            BadTopic: a D verb without device, or an N verb with one.
        """
        if verb.of_device is (device is None):
            raise BadTopic(f"{verb} {'needs a' if device is None else 'has no'} device")
        if device is None:
            return f"{NAMESPACE}/{self.group}/{verb}/{self.edge}"
        return f"{NAMESPACE}/{self.group}/{verb}/{self.edge}/{check_id(device)}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, taken apart; `device` is set exactly where the verb begins with D."""

    verb: Verb
    node: EdgeNode
    device: str | None = None


def check_id(text: str) -> str:
    """The text itself, if it may be a group, edge node, device or host.

    Raises:
        BadTopic: it is empty, or holds `+`, `/`, `#` or a zero.
    """
    if not _ID.fullmatch(text):
        raise BadTopic(f"{text[:200]!r} is no Sparkplug id: not empty, without + / #")
    return text


@lru_cache(maxsize=8192)
def parse(topic: str) -> Topic:
    """Take the topic of a node's or a device's message apart.

    Raises:
        BadTopic: it is none.
    """
    parts = topic.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE:
        raise BadTopic(f"{topic[:200]!r} is no Sparkplug topic ({NAMESPACE}/<group>/<verb>/<edge node>[/<device>])")
    try:
        verb = Verb(parts[2])
    except ValueError as error:
        raise BadTopic(f"{topic[:200]!r}: unknown verb {parts[2][:20]!r}") from error
    if verb.of_device is (len(parts) == 4):
        raise BadTopic(f"{topic[:200]!r}: {verb} {'needs a' if verb.of_device else 'has no'} device")
    return Topic(verb, EdgeNode(parts[1], parts[3]), check_id(parts[4]) if len(parts) == 5 else None)


def state_topic(host: str) -> str:
    """Where a host application is born and dies."""
    return f"{NAMESPACE}/{_STATE}/{check_id(host)}"


def host_of(topic: str) -> str | None:
    """The host whose STATE this is; None for every other topic."""
    parts = topic.split("/")
    return parts[2] if len(parts) == 3 and parts[0] == NAMESPACE and parts[1] == _STATE and parts[2] else None
