"""Live values: batches on the broker → the newest value of each tag → the hub. What nobody watches is not asked for.

    …/up/catalog (retained) ──► alias → (machine, tag) of a revision ─┐
    …/up/data ──► decode ──► newest sample an alias ──────────────────┴──► tag id ──► hub

A backlog that a gateway catches up with is not live: a value older than one already shown is left out.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import aiomqtt
import numpy as np
import structlog
from prometheus_client import Counter

from api.stream.hub import Event, Hub, Tenant
from protocols import ProtocolsError
from protocols.broker import BrokerSettings
from protocols.sample import Column, Quality, ValueKind, quality_of, reason_of
from protocols.topics import GatewayAddress, Up, parse
from protocols.wire import catalog as catalog_format
from protocols.wire.batch import Batch
from protocols.wire.decode import decode
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_QUEUE_MESSAGES = 500
_REVISIONS_KEPT = 4
_GATEWAYS_KEPT = 10_000
_LANES = (Up.CATALOG, Up.DATA)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MISSED = Counter("lw_api_live_messages_missed_total", "Broker messages not shown live.", ["why"])

Name = tuple[str, str]  # slugs of machine and tag


class TagIds(NamedTuple):
    """What a tag is called in the database."""

    tag_id: UUID
    machine_id: UUID


TagsOf = Callable[[Tenant], Awaitable[dict[Name, TagIds]]]


class _Latest(asyncio.Queue[aiomqtt.Message]):
    """Keeps the newest messages when nobody is fast enough."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if self.full():
            self.get_nowait()
            MISSED.labels("queue_full").inc()
        super().put_nowait(item)


class Catalogs:
    """What aliases mean, for the last revisions of each gateway."""

    def __init__(self) -> None:
        self._names: OrderedDict[GatewayAddress, OrderedDict[int, dict[int, Name]]] = OrderedDict()

    def learn(self, address: GatewayAddress, catalog: catalog_format.Catalog) -> None:
        revisions = self._names.setdefault(address, OrderedDict())
        revisions[catalog.revision] = {tag.alias: (tag.machine, tag.tag) for tag in catalog.tags}
        revisions.move_to_end(catalog.revision)
        self._names.move_to_end(address)
        while len(revisions) > _REVISIONS_KEPT:
            revisions.popitem(last=False)
        while len(self._names) > _GATEWAYS_KEPT:
            self._names.popitem(last=False)

    def names(self, address: GatewayAddress, batch: Batch) -> dict[int, Name] | None:
        """Alias → slugs for this batch; None when its catalog has not been seen."""
        if batch.header is None:
            return dict(enumerate(batch.names))
        return self._names.get(address, OrderedDict()).get(batch.header.revision)


class LiveValues:
    """Follows the tenants that somebody looks at."""

    def __init__(self, broker: BrokerSettings, hub: Hub, tags_of: TagsOf) -> None:
        self._broker = broker
        self._hub = hub
        self._tags_of = tags_of
        self._catalogs = Catalogs()
        self._followed: dict[str, _Followed] = {}

    async def run(self) -> None:
        """Connect, follow, reconnect; ends only by cancellation."""
        outage = Outage(log, "broker of live values")
        pause = backoff_s()
        while True:
            try:
                async with self._connect() as client, asyncio.TaskGroup() as tasks:
                    outage.up()
                    pause = backoff_s()
                    self._followed.clear()
                    tasks.create_task(self._follow(client), name="follow tenants")
                    tasks.create_task(self._receive(client), name="receive values")
            except* aiomqtt.MqttError as errors:
                outage.down(errors.exceptions[0], "screens show the last known values until the broker is back")
            await asyncio.sleep(next(pause))

    def _connect(self) -> aiomqtt.Client:
        password = self._broker.password
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=password.get_secret_value() if password else None,
            tls_context=self._broker.tls_context(),
            queue_type=_Latest,
            max_queued_incoming_messages=_QUEUE_MESSAGES,
            timeout=10,
        )

    async def _follow(self, client: aiomqtt.Client) -> None:
        """Keep the subscriptions what the viewers want."""
        while True:
            self._hub.changed.clear()
            wanted = {tenant.slug: tenant for tenant in self._hub.tenants()}
            for slug in wanted.keys() - self._followed.keys():
                self._followed[slug] = _Followed(wanted[slug], self._tags_of)
                await client.subscribe([(f"lw/1/{slug}/+/up/{lane}", 0) for lane in _LANES])
            for slug in self._followed.keys() - wanted.keys():
                del self._followed[slug]
                await client.unsubscribe([f"lw/1/{slug}/+/up/{lane}" for lane in _LANES])
            await self._hub.changed.wait()

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            try:
                await self._take(str(message.topic), payload)
            except ProtocolsError:
                MISSED.labels("undecodable").inc()  # ingest keeps it as a dead letter and says why

    async def _take(self, topic: str, payload: bytes) -> None:
        address, lane = parse(topic)
        followed = self._followed.get(address.tenant)
        if lane is Up.CATALOG and payload:
            self._catalogs.learn(address, catalog_format.decode(payload))
        elif lane is Up.DATA and followed is not None:
            batch = decode(topic, payload)
            names = self._catalogs.names(address, batch)
            if names is None:
                MISSED.labels("unknown_catalog").inc()
                return
            for event in await followed.events(batch, names):
                self._hub.publish(event)


class _Followed:
    """One tenant that somebody looks at: its tags, and how new what they show is."""

    _RELOAD_S = 5.0

    def __init__(self, tenant: Tenant, tags_of: TagsOf) -> None:
        self._tenant = tenant
        self._tags_of = tags_of
        self._tags: dict[Name, TagIds] = {}
        self._loaded_s = -math.inf
        self._shown_ns: dict[Name, int] = {}

    async def events(self, batch: Batch, names: dict[int, Name]) -> list[Event]:
        newest = [sample for column in batch.columns for sample in _newest(column)]
        await self._know({names[alias] for alias, *_ in newest if alias in names})
        events = []
        for alias, time_ns, value, code in newest:
            name = names.get(alias)
            ids = self._tags.get(name) if name else None
            if name and ids and time_ns > self._shown_ns.get(name, 0):
                self._shown_ns[name] = time_ns
                data = value_data(ids.tag_id, name[1], time_ns, value, code)
                events.append(Event(self._tenant.id, ids.machine_id, "value", data))
        return events

    async def _know(self, names: set[Name]) -> None:
        """Load the tags when one is unknown, but not more often than new tags can matter to anybody."""
        now_s = asyncio.get_running_loop().time()
        if names <= self._tags.keys() or now_s - self._loaded_s < self._RELOAD_S:
            return
        self._loaded_s = now_s
        self._tags = await self._tags_of(self._tenant)


def _newest(column: Column) -> Iterator[tuple[int, int, Any, int]]:
    """The last sample of each alias: alias, time, value, code."""
    order = np.lexsort((column.time_ns, column.alias))
    aliases = column.alias[order]
    last = order[np.append(aliases[1:] != aliases[:-1], True)] if len(order) else order
    boolean = column.kind is ValueKind.BOOL
    for index in last.tolist():
        value = column.value[index]
        shown = float(value) if boolean else value if isinstance(value, str) else value.item()
        yield int(column.alias[index]), int(column.time_ns[index]), shown, int(column.code[index])


def value_data(tag_id: UUID, slug: str, time_ns: int, value: float | str, code: int) -> dict[str, Any]:
    """A value as the API shows it everywhere; what is bad or no number is null."""
    quality = quality_of(code)
    unusable = quality is Quality.BAD or (isinstance(value, float) and not math.isfinite(value))
    return {
        "tag_id": str(tag_id),
        "slug": slug,
        "time": (_EPOCH + timedelta(microseconds=time_ns // 1000)).isoformat().replace("+00:00", "Z"),
        "value": None if unusable else value,
        "quality": quality.name.lower(),
        "reason": reason_of(code),
    }
