"""MQTT topics: `lw/1/<tenant>/<gateway>/up/<lane>` and `…/down/<lane>`. The only place that knows their shape."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from protocols import ProtocolsError

_ID = re.compile(r"[a-z0-9-]{1,64}")
_TOPIC = re.compile(r"lw/1/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/(up|down)/([a-z]+)")


class Up(StrEnum):
    """From the gateway to the cloud. `catalog` is retained, `state` is the will."""

    DATA = "data"
    WAVE = "wave"
    CATALOG = "catalog"
    STATE = "state"
    REPLY = "reply"


class Down(StrEnum):
    """From the cloud to the gateway."""

    RECEIPT = "receipt"
    CONFIG = "config"
    COMMAND = "command"


class BadTopic(ProtocolsError):
    """The topic does not follow the scheme; the message is refused."""


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Tenant and gateway, which together own a topic tree."""

    tenant: str
    gateway: str

    def __post_init__(self) -> None:
        for name in (self.tenant, self.gateway):
            if not _ID.fullmatch(name):
                raise BadTopic(f"{name!r} is no id: use 1 to 64 of a-z, 0-9 and -")

    def up(self, lane: Up) -> str:
        return f"lw/1/{self.tenant}/{self.gateway}/up/{lane}"

    def down(self, lane: Down) -> str:
        return f"lw/1/{self.tenant}/{self.gateway}/down/{lane}"


@lru_cache(maxsize=8192)
def parse(topic: str) -> tuple[GatewayAddress, Up | Down]:
    """Take a topic apart.

    Raises:
        BadTopic: it is not one of ours.
    """
    match = _TOPIC.fullmatch(topic)
    if not match:
        raise BadTopic(f"{topic[:200]!r} is no Linewright topic (lw/1/<tenant>/<gateway>/<up|down>/<lane>)")
    lanes: type[Up | Down] = Up if match[3] == "up" else Down
    try:
        return GatewayAddress(match[1], match[2]), lanes(match[4])
    except ValueError as error:
        raise BadTopic(f"{topic[:200]!r}: unknown lane {match[4]!r}") from error


def every(lane: Up) -> str:
    """The filter that the cloud subscribes to for a lane of all gateways."""
    return f"lw/1/+/+/up/{lane}"
