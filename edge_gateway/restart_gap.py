"""What was or could have been measured while this process was not there is told as a gap, not hidden. Pure.

    newest batches of earlier runs ──last sample of each tag──► one BAD restart_gap sample per tag, 1 µs later

Samples that an earlier process had read but not committed when it was killed lie in that gap. A tag that did not
come lately (it changes rarely) has its gap begin where the batches looked at begin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_gateway.catalog import Numbering
from protocols import UndecodablePayload
from protocols.sample import Column, Reason, bad
from protocols.wire import columnar
from protocols.wire.batch import Batch
from protocols.wire.catalog import Catalog, CatalogTag
from runtime.clock import ClockState

BATCHES_LOOKED_AT = 64
_STEP_NS = 1000


def gap_samples(
    numbering: Numbering, payloads: Sequence[bytes], catalogs: Mapping[int, Catalog], started_ns: int
) -> tuple[Column, ...]:
    """One sample for each tag that an earlier run knew; `started_ns`: begin of the last run, if it left no batch."""
    batches = [batch for batch in map(_decoded, payloads) if batch and batch.header]
    last_ns = np.zeros(len(numbering.catalog.tags), np.int64)
    first_ns = [started_ns] if not batches else []
    for batch in batches:
        catalog = catalogs.get(batch.header.revision) if batch.header else None
        for column in batch.columns:
            first_ns.append(int(column.time_ns.min()))
            if catalog:
                _latest(last_ns, moved(catalog, numbering.catalog), column)
    known = _known(numbering.catalog, catalogs)
    last_ns[last_ns == 0] = min(first_ns)
    return tuple(
        replace(column, time_ns=last_ns[column.alias] + _STEP_NS)
        for column in numbering.failed(known, 0, bad(Reason.RESTART_GAP))
    )


def were_synced(payloads: Sequence[bytes]) -> bool:
    """Whether any of these was made with a disciplined clock."""
    batches = map(_decoded, payloads)
    return any(batch.header.clock is ClockState.SYNCED for batch in batches if batch and batch.header)


def _decoded(payload: bytes) -> Batch | None:
    try:
        return columnar.decode(payload)
    except UndecodablePayload:
        return None


def _latest(last_ns: NDArray[np.int64], moved: NDArray[np.int64], column: Column) -> None:
    alias = moved[column.alias]
    here = alias >= 0
    np.maximum.at(last_ns, alias[here], column.time_ns[here])


def _name(tag: CatalogTag) -> tuple[str, str]:
    return tag.machine, tag.tag


def moved(old: Catalog, new: Catalog) -> NDArray[np.int64]:
    """The alias today of each old alias, -1 where the tag is gone."""
    today = {_name(tag): tag.alias for tag in new.tags}
    moved = np.full(max(tag.alias for tag in old.tags) + 1, -1, np.int64)
    for tag in old.tags:
        moved[tag.alias] = today.get(_name(tag), -1)
    return moved


def _known(new: Catalog, catalogs: Mapping[int, Catalog]) -> NDArray[np.uint32]:
    names = {_name(tag) for catalog in catalogs.values() for tag in catalog.tags}
    return np.array([tag.alias for tag in new.tags if _name(tag) in names], np.uint32)
