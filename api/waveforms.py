"""Bursts over HTTP: which there are, one of them, and its values as a file that numpy opens.

GET …/waveforms             those that began in a period, newest first
GET …/waveforms/{id}        one: when, how fast, how many values
GET …/waveforms/{id}/npy    its values as they were measured; where their hash is wrong that is told, and nothing sent
"""

import asyncio
import io
from typing import Annotated, Any
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from api import NoSuchThing, TooMany, cursors
from api.access import Tx
from api.history import EXPORT_SPAN_MOST, check_span, wanted_tags
from api.machines import machine_of
from api.models import waveforms as models
from api.state import state_of
from database.pool import Connection
from device_registry import store as registry
from device_registry.records import Tag
from ingest_service.waveforms import stored
from runtime.clock import ClockState

router = APIRouter(tags=["machines"])

_NPY: dict[str, Any] = {
    "description": "The values as they were measured, before `scale`, in numpy's own format.",
    "content": {"application/x-npy": {"schema": {"type": "string", "format": "binary"}}},
}


@router.get("/machines/{machine_id}/waveforms")
async def list_waveforms(
    machine_id: UUID, query: Annotated[models.WaveformQuery, Query()], tx: Tx
) -> models.WaveformPage:
    """Bursts of some tags, or of all, that began in a period, newest first; only whole ones."""
    check_span(query.since, query.until, EXPORT_SPAN_MOST)
    await machine_of(tx, machine_id)
    tags = await registry.list_tags(tx, [machine_id])
    chosen = tags if query.tags is None else wanted_tags(query.tags, tags, len(tags))
    of_series = {tag.series_id: tag for tag in chosen}
    until = min(cursors.time(query.cursor) or query.until, query.until)
    found = await stored.list_waveforms(tx, list(of_series), query.since, until, query.limit)
    following = cursors.encode(found[-1].start_at) if len(found) >= query.limit else None
    return models.WaveformPage(items=[_shown(one, of_series[one.series_id]) for one in found], next_cursor=following)


@router.get("/machines/{machine_id}/waveforms/{waveform_id}")
async def read_waveform(machine_id: UUID, waveform_id: UUID, tx: Tx) -> models.Waveform:
    """One burst: when, how fast, how many values."""
    return _shown(*await _find(tx, machine_id, waveform_id))


@router.get("/machines/{machine_id}/waveforms/{waveform_id}/npy", response_class=Response, responses={200: _NPY})
async def download_waveform(machine_id: UUID, waveform_id: UUID, tx: Tx, request: Request) -> Response:
    """Its values as they were measured; multiply by `scale`. Open it with `numpy.load`."""
    exporting = state_of(request).exporting
    if exporting.locked():
        raise TooMany("exports at once", 2)
    async with exporting:
        found, tag = await _find(tx, machine_id, waveform_id)
        content = await asyncio.to_thread(_npy, await stored.load_raw(tx, found))
    headers = {
        "Content-Disposition": f'attachment; filename="{tag.slug}_{found.start_at:%Y%m%dT%H%M%S}.npy"',
        "Content-Encoding": "identity",  # noise does not get smaller
    }
    return Response(content, media_type="application/x-npy", headers=headers)


async def _find(tx: Connection, machine_id: UUID, waveform_id: UUID) -> tuple[stored.StoredWaveform, Tag]:
    await machine_of(tx, machine_id)
    found = await stored.find_waveform(tx, waveform_id)
    for tag in await registry.list_tags(tx, [machine_id]):
        if tag.series_id == found.series_id:
            return found, tag
    raise NoSuchThing("this machine has no such waveform")


def _npy(raw: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, raw, allow_pickle=False)
    return file.getvalue()


def _shown(found: stored.StoredWaveform, tag: Tag) -> models.Waveform:
    clock: Any = ClockState(found.clock).name.lower()
    return models.Waveform(
        id=found.id, tag=tag.slug, unit=tag.unit, start=found.start_at, start_ns=found.start_ns,
        rate_hz=found.rate_hz, scale=found.scale, dtype=found.dtype, n=found.n, size_bytes=found.size_bytes,
        sha256=found.sha256.hex(), clock=clock, received_at=found.received_at,
    )  # fmt: skip
