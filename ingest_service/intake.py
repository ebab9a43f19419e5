"""From messages to deliveries that can be written: catalogs are taken in, aliases get their series.

    Message ─┬─ …/up/catalog ──► Catalogs
             ├─ …/up/state ──► States
             └─ a reader takes it ──► Reading ──► Delivery ──► (group)
                     ├─ nothing to store ──► settled
                     └─ gateway or catalog unknown: parked ──known now──► Delivery
                                                          └─too long──► settled

What is settled is acknowledged to the broker without being written, because one unknown gateway must not fill
the queue of all; it is not receipted, so its gateway keeps it and sends it again.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog

from ingest_service import metrics
from ingest_service.catalogs import Catalogs
from ingest_service.delivery import Delivery, Message, Refused, deliver, weight_bytes
from ingest_service.gateway_states import words
from ingest_service.gateway_states.store import States
from ingest_service.reading import Reader, Reading, read_with, refused
from protocols import UndecodablePayload
from protocols.topics import BadTopic, GatewayAddress, Up, parse
from runtime.clock import NS_PER_S

log = structlog.get_logger()

_RECHECK_NS = NS_PER_S // 2
_TOLD_MOST = 1000
_WORDS = (f"/up/{Up.CATALOG}", f"/up/{Up.STATE}")


class ParkedLimits(NamedTuple):
    """How long and how much may wait for a gateway or a catalog that is not known yet."""

    wait_s: float
    messages_most: int
    bytes_most: int


class _Parked(NamedTuple):
    message: Message
    reading: Reading
    since_ns: int

    @property
    def bytes(self) -> int:
        return weight_bytes(self.message, self.reading.content.rows)


class Intake:
    """Reads messages and keeps what cannot be named yet."""

    def __init__(self, catalogs: Catalogs, states: States, readers: Sequence[Reader], limits: ParkedLimits) -> None:
        self._catalogs = catalogs
        self._states = states
        self._readers = readers
        self._limits = limits
        self._parked: deque[_Parked] = deque()
        self._settled: list[Message] = []
        self._recheck_at_ns = 0
        self._told: set[str] = set()

    async def take(self, message: Message, monotonic_ns: int) -> Delivery | None:
        """A delivery for the group; None when the message waits or is settled."""
        if message.topic.startswith("lw/1/") and message.topic.endswith(_WORDS):
            return await self._take_words(message)
        reading = read_with(self._readers, message)
        if reading is None:
            self._settled.append(message)
            return None
        delivery = await name(self._catalogs, message, reading)
        if delivery is None:
            self._parked.append(_Parked(message, reading, monotonic_ns))
            self._release(monotonic_ns)
        return delivery

    async def recheck(self, monotonic_ns: int) -> list[Delivery]:
        """Those of the parked that can be written now; looks twice a second, and whenever a catalog has come."""
        if monotonic_ns < self._recheck_at_ns:
            return []
        self._recheck_at_ns = monotonic_ns + _RECHECK_NS
        await self._catalogs.register_waiting()
        named, waiting = [], []
        for parked in self._parked:
            delivery = await name(self._catalogs, parked.message, parked.reading)
            if delivery:
                named.append(delivery)
            else:
                waiting.append(parked)
        self._parked = deque(waiting)
        self._release(monotonic_ns)
        return named

    def settled(self) -> list[Message]:
        """Messages that need nothing but an acknowledgement; each is handed out once."""
        settled, self._settled = self._settled, []
        return settled

    async def _take_words(self, message: Message) -> Delivery | None:
        """A catalog or a state; what is none goes to the dead letters."""
        try:
            address, lane = parse(message.topic)
            if lane is Up.CATALOG:
                await self._catalogs.register(message)
                self._recheck_at_ns = 0
            else:
                await self._hear(address, message)
        except (UndecodablePayload, BadTopic) as error:
            return deliver(message, refused(message, Refused.UNDECODABLE, str(error)).content, None)
        self._settled.append(message)
        return None

    async def _hear(self, address: GatewayAddress, message: Message) -> None:
        if not message.payload:
            return  # the retained state was cleared
        state = words.parse(message.payload)
        gateway_id = await self._catalogs.gateway_id(address)
        if gateway_id:
            self._states.hear(gateway_id, state)

    def _release(self, monotonic_ns: int) -> None:
        """Give up those that have waited too long, and the oldest ones while there are too many."""
        released: list[Message] = []
        held_bytes = sum(parked.bytes for parked in self._parked)
        limits = self._limits
        while self._parked and (
            monotonic_ns - self._parked[0].since_ns >= limits.wait_s * NS_PER_S
            or len(self._parked) > limits.messages_most
            or held_bytes > limits.bytes_most
        ):
            parked = self._parked.popleft()
            held_bytes -= parked.bytes
            released.append(parked.message)
        metrics.RELEASED.inc(len(released))
        self._settled += released
        self._tell(released)

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


async def name(catalogs: Catalogs, message: Message, reading: Reading) -> Delivery | None:
    """A reading with its gateway and series; None while gateway or catalog is unknown."""
    address, content = reading
    gateway_id = await catalogs.gateway_id(address) if address else None
    if content.refusal or address is None:
        return deliver(message, content, gateway_id)
    if gateway_id is None:
        return None
    if content.header is None:
        assert content.batch
        series = await catalogs.series_of_names(address, content.batch)
        return deliver(message, content, gateway_id, series, address.tenant)
    named = await catalogs.series(gateway_id, content.header.revision)
    return deliver(message, content, gateway_id, named, address.tenant) if named else None
