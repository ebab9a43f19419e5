"""A compiled mapping: one message in, samples out. Pure.

    payload ─► records (a time each) ─► sources of values ─► Collected(samples, skipped)

One value that cannot be used costs only itself and is told in `skipped`; a payload that is none, is too large, or
has nothing where the mapping looks, is refused as a whole.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from ingest_service.mapping import path, template, topic_filter
from ingest_service.mapping.path import MISSING, NAME_MOST, Found
from ingest_service.mapping.settings import MappingSettings
from ingest_service.mapping.source import Collected, Source
from ingest_service.mapping.template import Spot
from protocols import OversizedPayload, UndecodablePayload
from protocols.naming import id_slug
from protocols.topics import GatewayAddress


class MessageMapping:
    """One [[mapping]] table at work."""

    def __init__(self, settings: MappingSettings) -> None:
        self.name = settings.name
        self.topic = topic_filter.parse(settings.topic)
        self._settings = settings
        self._tenant = template.parse(settings.tenant)
        self._gateway = template.parse(settings.gateway)
        self._records = [path.parse(text) for text in settings.records]
        self._sources = [Source(settings, values) for values in settings.values]

    def address(self, levels: Mapping[str, str]) -> GatewayAddress:
        """Whose message it is, told by its topic. Raises UndecodablePayload."""
        spot = Spot(levels, None, None, None)
        rename = self._settings.rename
        tenant, gateway = (rename.get(text, text) for text in (self._tenant.fill(spot), self._gateway.fill(spot)))
        if not (1 <= len(tenant) <= NAME_MOST and 1 <= len(gateway) <= NAME_MOST):
            raise UndecodablePayload(f"the topic gives no tenant ({tenant[:20]!r}) or gateway ({gateway[:20]!r})")
        return GatewayAddress(id_slug(tenant), id_slug(gateway))

    def apply(self, levels: Mapping[str, str], payload: bytes, arrived_ns: int) -> Collected:
        """The samples of a message.

        Raises:
            UndecodablePayload: it is not what the mapping describes.
            OversizedPayload: it is too large, or holds too many values.
        """
        document = self._document(payload)
        collected = Collected(arrived_ns)
        for record in self._records_of(document, levels):
            for source in self._sources:
                source.collect(record, document, collected)
        if not collected.found_place:
            places = ", ".join(values.path for values in self._settings.values)
            raise UndecodablePayload(f"nothing stands at {places}")
        return collected

    def _document(self, payload: bytes) -> Any:
        most = self._settings.payload_bytes_most
        if len(payload) > most:
            raise OversizedPayload(f"{len(payload)} bytes, at most {most} are taken (payload_bytes_most)")
        try:
            if self._settings.format == "text":
                return payload.decode().strip()
            return from_json(payload)
        except ValueError as error:
            raise UndecodablePayload(f"no {self._settings.format}: {error}") from error

    def _records_of(self, document: Any, levels: Mapping[str, str]) -> Iterator[Found]:
        for records in self._records:
            if records.one(document) is not MISSING:
                return records.find(document, levels)
        raise UndecodablePayload(f"no record at {', '.join(self._settings.records)}")
