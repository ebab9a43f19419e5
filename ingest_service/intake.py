"""From messages to deliveries that can be written: catalogs are taken in, aliases get their series.

    Message ─┬─ …/up/catalog ──► Catalogs
             └─ …/up/data ──read──► Delivery ──► (group)
                     └─ gateway or catalog unknown: parked ──known now──► Delivery
                                                          └─too long──► released

A released message is acknowledged to the broker, because one unknown gateway must not fill the queue of all; it
is not receipted, so its gateway keeps it and sends it again.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

import structlog

from ingest_service.catalogs import Catalogs
from ingest_service.delivery import Content, Delivery, Message, Refusal, Refused, deliver, read
from protocols import UndecodablePayload
from protocols.topics import BadTopic, GatewayAddress, Up, parse
from runtime.clock import NS_PER_S

log = structlog.get_logger()

_TOLD_MOST = 1000


class _Parked(NamedTuple):
    message: Message
    since_ns: int


class Intake:
    """Keeps what cannot be named yet, at most `parked_most` messages for `wait_s`."""

    def __init__(self, catalogs: Catalogs, wait_s: float, parked_most: int) -> None:
        self._catalogs = catalogs
        self._wait_ns = round(wait_s * NS_PER_S)
        self._parked_most = parked_most
        self._parked: deque[_Parked] = deque()
        self._told: set[str] = set()

    async def take(self, message: Message, monotonic_ns: int) -> Delivery | None:
        """A delivery for the group; None when the message is parked."""
        delivery = await self._resolve(message)
        if delivery is None:
            self._parked.append(_Parked(message, monotonic_ns))
        return delivery

    async def take_catalog(self, message: Message) -> Delivery | None:
        """Take in a catalog; what is none comes back as a delivery for the dead letters."""
        try:
            await self._catalogs.register(message)
        except (UndecodablePayload, BadTopic) as error:
            refusal = Refusal(Refused.UNDECODABLE, str(error)[:1000])
            return deliver(message, Content(None, None, sha256(message.payload).digest(), refusal), None)
        return None

    async def recheck(self, monotonic_ns: int) -> tuple[list[Delivery], list[Message]]:
        """Look at the parked ones again: which can be written now, and which have waited too long."""
        await self._catalogs.register_waiting()
        named: list[Delivery] = []
        released: list[Message] = []
        for _ in range(len(self._parked)):
            parked = self._parked.popleft()
            delivery = await self._resolve(parked.message)
            if delivery:
                named.append(delivery)
            elif monotonic_ns - parked.since_ns >= self._wait_ns or len(self._parked) >= self._parked_most:
                released.append(parked.message)
            else:
                self._parked.append(parked)
        self._tell(released)
        return named, released

    async def _resolve(self, message: Message) -> Delivery | None:
        address = _address(message)
        gateway_id = await self._catalogs.gateway_id(address) if address else None
        content = read(message)
        batch = content.batch
        if batch is None or address is None:
            return deliver(message, content, gateway_id)
        if gateway_id is None:
            return None
        if batch.header is None:
            series = await self._catalogs.series_of_names(address, batch)
            return deliver(message, content, gateway_id, series)
        named = await self._catalogs.series(gateway_id, batch.header.revision)
        return deliver(message, content, gateway_id, named) if named else None

    def _tell(self, released: Iterable[Message]) -> None:
        for topic in {message.topic for message in released} - self._told:
            if len(self._told) >= _TOLD_MOST:
                self._told.clear()
            self._told.add(topic)
            log.warning(
                "gateway or catalog unknown, not stored; a gateway sends it again from its spool",
                topic=topic,
                way_out="register the gateway; it publishes its catalog when it connects",
            )


def is_catalog(message: Message) -> bool:
    """Whether the message is for `take_catalog`."""
    return message.topic.endswith(f"/up/{Up.CATALOG}")


def _address(message: Message) -> GatewayAddress | None:
    try:
        return parse(message.topic)[0]
    except BadTopic:
        return None
