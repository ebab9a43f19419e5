"""From messages to deliveries that can be written: catalogs are taken in, aliases get their series.

    Message ─┬─ …/up/catalog ──► Catalogs
             └─ …/up/data ──read──► Delivery ──► (group)
                     └─ gateway or catalog unknown: parked ──known now──► Delivery
                                                          └─too long──► released

A released message is acknowledged to the broker, because one unknown gateway must not fill the queue of all; it
is not receipted, so its gateway keeps it and sends it again.
"""

import dataclasses
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import structlog

from ingest_service.catalogs import Catalogs
from ingest_service.delivery import Delivery, Message, Refusal, Refused, read, revision_of
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
        self._told: set[tuple[str, int | None]] = set()

    @property
    def parked(self) -> int:
        return len(self._parked)

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
            refused = dataclasses.replace(read(message), identity=None)
            return dataclasses.replace(refused, refusal=Refusal(Refused.UNDECODABLE, str(error)[:1000]))
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
        revision = revision_of(message)
        series = None
        if gateway_id and revision is not None:
            series = await self._catalogs.series(gateway_id, revision)
            if series is None:
                return None
        delivery = read(message)
        if delivery.refusal or address is None or delivery.batch is None:
            return dataclasses.replace(delivery, gateway_id=gateway_id)
        if gateway_id is None:
            return None
        if series is None:
            series = await self._catalogs.series_of_names(address, delivery.batch)
        return dataclasses.replace(delivery, gateway_id=gateway_id, series=series)

    def _tell(self, released: Iterable[Message]) -> None:
        for message in released:
            key = (message.topic, revision_of(message))
            if key in self._told:
                continue
            if len(self._told) >= _TOLD_MOST:
                self._told.clear()
            self._told.add(key)
            log.warning(
                "gateway or catalog unknown, its batches stay in its spool",
                topic=message.topic,
                revision=key[1],
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
