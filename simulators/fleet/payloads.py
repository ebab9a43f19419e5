"""What goes over the wire, made when it is sent and made again when it is sent again. Pure.

    (gateway, batch) ──block of scans, computed together──► columns ──(run, seq)──► payload

Computing many batches in one stroke of numpy costs a tenth of computing each by itself.
"""

import zlib
from functools import lru_cache
from uuid import UUID

import numpy as np

from protocols.sample import Column, Columns
from protocols.wire import catalog, columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState
from simulators.fleet.machine_data import MachineData
from simulators.fleet.plan import FleetPlan

_BLOCK_SAMPLES = 32_768
_KEPT_SAMPLES = 4_000_000
_HEADER_BYTES = 48
_DAMAGE = b"\xff" * 4


class Payloads:
    """Every payload of a fleet; keeps the blocks it made last."""

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        self._data = MachineData(plan)
        kept_for_each = _KEPT_SAMPLES // plan.gateways
        self._batches_in_block = max(1, min(_BLOCK_SAMPLES, kept_for_each) // plan.samples_in_batch)
        self._block = lru_cache(maxsize=2 * plan.gateways)(self._make_block)
        # Whoever names other tags has to call it another revision.
        self._revision = zlib.crc32(self._tags_of(0))

    def catalog(self, gateway: int) -> bytes:
        """What its aliases mean."""
        return catalog.encode(catalog.Catalog(revision=self._revision, tags=self._data.catalog_tags(gateway)))

    def batch(self, gateway: int, batch: int, run: UUID, seq: int) -> bytes:
        """A batch under the name that its run gave it."""
        header = BatchHeader(run, seq, self._revision, ClockState.SYNCED, self._plan.samples_in_batch)
        payload = columnar.encode(header, self._columns(gateway, batch), compress=self._plan.compress)
        if self._plan.damage_every and self._plan.damaged(gateway, np.array([batch]))[0]:
            return payload[:_HEADER_BYTES] + _DAMAGE + payload[_HEADER_BYTES + len(_DAMAGE) :]
        return payload

    def _columns(self, gateway: int, batch: int) -> Columns:
        block, place = divmod(batch, self._batches_in_block)
        return tuple(self._part(column, place) for column in self._block(gateway, block))

    def _part(self, column: Column, place: int) -> Column:
        length = len(column) // self._batches_in_block
        cut = slice(place * length, (place + 1) * length)
        return Column(column.kind, column.alias[cut], column.time_ns[cut], column.value[cut], column.code[cut])

    def _make_block(self, gateway: int, block: int) -> Columns:
        per_block = self._batches_in_block * self._plan.scans_in_batch
        return self._data.columns(gateway, np.arange(block * per_block, (block + 1) * per_block))

    def _tags_of(self, gateway: int) -> bytes:
        return catalog.encode(catalog.Catalog(revision=0, tags=self._data.catalog_tags(gateway)))
