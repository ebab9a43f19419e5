"""What a host asks for by NCMD and DCMD. Pure.

NCMD Node Control/Rebirth = true ──► births again        everything else ──► refused: nothing is ever written
"""

from typing import NamedTuple

from edge_gateway.sparkplug.node import REBIRTH
from protocols import UndecodablePayload
from protocols.sparkplug import payload
from protocols.sparkplug.topics import Topic, Verb


class Asked(NamedTuple):
    """`refused`: what was to be written, in words."""

    rebirth: bool
    refused: tuple[str, ...]


def read(topic: Topic, body: bytes) -> Asked:
    """Take a command apart; one that cannot be understood is refused as a whole."""
    where = topic.device or "node"
    try:
        told = payload.decode(body)
    except UndecodablePayload as error:
        return Asked(rebirth=False, refused=(f"{where}: {str(error)[:100]}",))
    of_node = topic.verb is Verb.NCMD
    wanted = [metric for metric in told.metrics if not (of_node and metric.name == REBIRTH)]
    rebirth = any(metric.value is True for metric in told.metrics if metric not in wanted)
    return Asked(rebirth, tuple(f"{where}: {metric.name or f'alias {metric.alias}'}"[:200] for metric in wanted))
