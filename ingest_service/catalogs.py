"""Who a gateway is and which series its aliases mean: asked of the database once, kept in memory, bounded.

    …/up/catalog (retained) ──register──► registry + telemetry.catalog ──► SeriesMap of (gateway, revision)

Every worker reads every catalog; a revision, once stored, keeps its meaning, so a backlog of last week still
finds its tags. A catalog of a gateway that nobody has registered waits here, and so does its data in the spool.
"""

import time
from typing import TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from database.pool import Connection
from database.queries import load_queries
from device_registry import UnknownGateway
from device_registry.catalog import register_catalog
from device_registry.store import find_gateway
from ingest_service.delivery import Message
from ingest_service.series_map import SeriesMap
from ingest_service.transactions import Commits
from protocols.sample import ValueKind
from protocols.topics import GatewayAddress, parse
from protocols.wire.batch import Announced, Batch
from protocols.wire.catalog import Catalog, CatalogTag, decode

log = structlog.get_logger()
queries = load_queries(__file__)

_GATEWAY_FRESH_S = 60.0  # how late a revoked gateway is noticed
_MISS_FRESH_S = 1.0
_ENTRIES_MOST = 4096
_WAITING_MOST = 1000

Name = tuple[str, str]
K = TypeVar("K")
V = TypeVar("V")


class Catalogs:
    """The memory of one worker."""

    def __init__(self, transactions: Commits) -> None:
        self._transactions = transactions
        self._gateways: dict[GatewayAddress, tuple[UUID | None, float]] = {}
        self._maps: dict[tuple[UUID, int], SeriesMap] = {}
        self._missed: dict[tuple[UUID, int], float] = {}
        self._names: dict[GatewayAddress, dict[Name, int]] = {}
        self._announced: WeakKeyDictionary[Announced, SeriesMap] = WeakKeyDictionary()
        self._waiting: dict[GatewayAddress, Message] = {}

    async def gateway_id(self, address: GatewayAddress) -> UUID | None:
        """The gateway of a topic; None when no active one has this name."""
        known = self._gateways.get(address)
        now_s = time.monotonic()
        if known is None or now_s - known[1] > (_GATEWAY_FRESH_S if known[0] else _MISS_FRESH_S):
            found = await self._transactions.until_committed(
                lambda connection: find_gateway(connection, address.tenant, address.gateway)
            )
            known = (found.id if found and found.status == "active" else None, now_s)
            _put(self._gateways, address, known)
        return known[0]

    async def series(self, gateway_id: UUID, revision: int) -> SeriesMap | None:
        """What the aliases of a revision mean; None while no worker has seen its catalog."""
        key = (gateway_id, revision)
        if key in self._maps:
            return self._maps[key]
        now_s = time.monotonic()
        if now_s - self._missed.get(key, -_MISS_FRESH_S) < _MISS_FRESH_S:
            return None
        mapping = await self._transactions.until_committed(lambda connection: _stored(connection, *key))
        if not mapping:
            _put(self._missed, key, now_s)
            return None
        return self._keep(key, mapping)

    async def register(self, message: Message) -> None:
        """Take in a catalog.

        Raises:
            UndecodablePayload: it is none.
        """
        address, _ = parse(message.topic)
        if not message.payload:
            return  # the retained catalog was cleared
        catalog = decode(message.payload)
        gateway_id = await self.gateway_id(address)
        if gateway_id is None:
            if address not in self._waiting:
                log.warning("catalog of an unknown gateway waits", tenant=address.tenant, gateway=address.gateway)
            _put(self._waiting, address, message, _WAITING_MOST)
        elif not await self._is_complete(gateway_id, catalog):
            await self._store(address, gateway_id, catalog)

    async def register_waiting(self) -> None:
        """Try the catalogs again whose gateway was unknown."""
        waiting, self._waiting = self._waiting, {}
        for address, message in waiting.items():
            if await self.gateway_id(address) is None:
                self._waiting[address] = message
            else:
                await self.register(message)

    async def series_of_names(self, address: GatewayAddress, batch: Batch) -> SeriesMap:
        """The series of a batch that names its own tags; tags seen for the first time are made."""
        if batch.announced and batch.announced in self._announced:
            return self._announced[batch.announced]
        known = self._names.get(address, {})
        new = [name for name in batch.names if name not in known]
        if new:
            catalog = batch.announced.catalog() if batch.announced else _catalog_of(batch)
            registered = await self._transactions.until_committed(
                lambda connection: register_catalog(connection, address.tenant, address.gateway, catalog)
            )
            known = known | {batch.names[alias]: series for alias, series in registered.series.items()}
            _put(self._names, address, known)
        series = SeriesMap.of({alias: known[name] for alias, name in enumerate(batch.names)})
        if batch.announced:
            self._announced[batch.announced] = series
        return series

    async def _is_complete(self, gateway_id: UUID, catalog: Catalog) -> bool:
        self._missed.pop((gateway_id, catalog.revision), None)
        series = await self.series(gateway_id, catalog.revision)
        return series is not None and series.aliases >= {tag.alias for tag in catalog.tags}

    async def _store(self, address: GatewayAddress, gateway_id: UUID, catalog: Catalog) -> None:
        async def work(connection: Connection) -> dict[int, int]:
            registered = await register_catalog(connection, address.tenant, address.gateway, catalog)
            await connection.execute(
                queries.add_catalog,
                {
                    "gateway": gateway_id,
                    "revision": catalog.revision,
                    "aliases": list(registered.series),
                    "series": list(registered.series.values()),
                },
            )
            return await _stored(connection, gateway_id, catalog.revision)

        try:
            mapping = await self._transactions.until_committed(work)
        except UnknownGateway as error:
            log.warning("catalog refused", cause=str(error))  # revoked since we looked
            return
        self._keep((gateway_id, catalog.revision), mapping)
        log.info("catalog registered", gateway=address.gateway, revision=catalog.revision, tags=len(mapping))

    def _keep(self, key: tuple[UUID, int], mapping: dict[int, int]) -> SeriesMap:
        series = SeriesMap.of(mapping)
        _put(self._maps, key, series)
        self._missed.pop(key, None)
        return series


async def _stored(connection: Connection, gateway_id: UUID, revision: int) -> dict[int, int]:
    cursor = await connection.execute(queries.find_catalog, {"gateway": gateway_id, "revision": revision})
    return dict(await cursor.fetchall())


def _catalog_of(batch: Batch) -> Catalog:
    kinds: dict[int, ValueKind] = {}
    for column in batch.columns:
        kinds.update(dict.fromkeys(column.alias.tolist(), column.kind))
    tags = [
        CatalogTag(alias=alias, machine=machine, tag=tag, kind=kinds[alias].name.lower())
        for alias, (machine, tag) in enumerate(batch.names)
    ]
    return Catalog(revision=0, tags=tags)


def _put(memory: dict[K, V], key: K, value: V, most: int = _ENTRIES_MOST) -> None:
    """Keep at most `most` entries; the oldest one is asked for again when it is needed."""
    memory.pop(key, None)
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value
