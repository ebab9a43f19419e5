"""What the tags of a machine measured, over HTTP: newest values, periods for the screen, and whole ranges to take away.

GET …/values    newest sample of each tag
GET …/history   a period, as few points as a screen can show
GET …/export    a range, row by row, as CSV or Parquet: counted first, then streamed
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from api import Invalid, TooMany
from api.access import SignedIn, Tx
from api.machines import machine_of
from api.models import history as models
from api.state import ApiState, state_of
from database.pool import tenant_transaction
from device_registry import store as registry
from device_registry.records import Machine, Tag
from ingest_service import export
from ingest_service import history as telemetry
from protocols.sample import quality_of, reason_of

router = APIRouter(tags=["machines"])

TAGS_MOST = 20
SPAN_MOST = timedelta(days=400)
EXPORT_SPAN_MOST = timedelta(days=3660)
EXPORT_ROWS_MOST = 10_000_000

_CSV = "machine,tag,unit,time,time_ms,value,text,quality,reason\r\npump-1,flow,m³/h,2026-03-01T08:00:00.000Z,…\r\n"
_EXPORTED: dict[str, Any] = {
    "description": "The rows, tag after tag in the order of time. An answer that breaks off is not whole.",
    "headers": {"Content-Disposition": {"schema": {"type": "string"}, "description": "The name of the file."}},
    "content": {
        "text/csv": {"schema": {"type": "string"}, "example": _CSV},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    },
}


@router.get("/machines/{machine_id}/values")
async def read_values(machine_id: UUID, tx: Tx) -> models.Values:
    """The newest sample of each tag, of the last day."""
    await machine_of(tx, machine_id)
    tags = await registry.list_tags(tx, [machine_id])
    newest = await telemetry.latest(tx, [tag.series_id for tag in tags])
    return models.Values(items=[_value(tag, newest[tag.series_id]) for tag in tags if tag.series_id in newest])


@router.get("/machines/{machine_id}/history")
async def read_history(machine_id: UUID, query: Annotated[models.HistoryQuery, Query()], tx: Tx) -> models.History:
    """A period of some tags, cut into steps that people read off an axis."""
    check_span(query.since, query.until, SPAN_MOST)
    await machine_of(tx, machine_id)
    tags = wanted_tags(query.tags, await registry.list_tags(tx, [machine_id]), TAGS_MOST)
    found = await telemetry.history(tx, [tag.series_id for tag in tags], query.since, query.until, query.points)
    return models.History(
        since=query.since,
        until=query.until,
        resolution_s=found.resolution_s,
        series=[_series(tag, found.series[tag.series_id]) for tag in tags],
    )


@router.get("/machines/{machine_id}/export", response_class=StreamingResponse, responses={200: _EXPORTED})
async def export_history(
    machine_id: UUID, query: Annotated[models.ExportQuery, Query()], tx: Tx, caller: SignedIn, request: Request
) -> StreamingResponse:
    """A range of some tags, or of all, as a file: every sample, or steps. Too much is told, never cut."""
    check_span(query.since, query.until, EXPORT_SPAN_MOST)
    state = state_of(request)
    if state.exporting.locked():
        raise TooMany("exports at once", 10)
    machine = await machine_of(tx, machine_id)
    wanted = _wanted_export(machine, query, await registry.list_tags(tx, [machine_id]))
    planned = await export.plan(tx, wanted, EXPORT_ROWS_MOST)
    if planned.rows > EXPORT_ROWS_MOST:
        told = f"that is up to {planned.rows:,} rows, at most {EXPORT_ROWS_MOST:,} at once"
        raise Invalid({"query.to": f"{told}: take a shorter period, fewer tags, or resolution=minute"})
    written = export.table(query.format, query.resolution, excel=query.excel)
    name = f"{machine.slug}_{query.since:%Y%m%dT%H%M}_{query.until:%Y%m%dT%H%M}_{query.resolution}.{written.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    if query.format == "parquet":
        headers["Content-Encoding"] = "identity"  # it is compressed already
    body = _sent(state, export.stream(planned, partial(tenant_transaction, state.pool, caller.tenant_id), written))
    return StreamingResponse(body, media_type=written.media_type, headers=headers)


async def _sent(state: ApiState, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with state.exporting:
        async for part in parts:
            yield part


def _wanted_export(machine: Machine, query: models.ExportQuery, tags: Sequence[Tag]) -> export.Wanted:
    raw = query.resolution is export.Resolution.RAW
    chosen = tags if query.tags is None else wanted_tags(query.tags, tags, len(tags))
    texts = [tag.slug for tag in chosen if tag.kind == "text"]
    if texts and query.tags is not None and not raw:
        raise Invalid({"query.resolution": f"{texts[0]!r} is a text, which has no mean; only raw will do"})
    sources = [
        export.Source(tag.series_id, machine.slug, tag.slug, tag.unit, tag.kind)
        for tag in chosen
        if raw or tag.kind != "text"
    ]
    return export.Wanted(tuple(sources), query.since, query.until, query.resolution)


def _value(tag: Tag, newest: telemetry.Latest) -> models.TagValue:
    quality: Any = quality_of(newest.code).name.lower()
    return models.TagValue(
        tag_id=tag.id, slug=tag.slug, time=newest.time, value=newest.value, quality=quality,
        reason=reason_of(newest.code),
    )  # fmt: skip


def check_span(since: datetime, until: datetime, most: timedelta) -> None:
    """Raises Invalid when a period ends before it begins or is too long."""
    if not timedelta(0) < until - since <= most:
        raise Invalid({"query.to": f"lies after `from`, at most {most.days} days"})


def wanted_tags(slugs: str, tags: Sequence[Tag], most: int) -> list[Tag]:
    """The tags that a query names, each once. Raises Invalid."""
    by_slug = {tag.slug: tag for tag in tags}
    wanted = list(dict.fromkeys(slug.strip() for slug in slugs.split(",")))
    unknown = [slug for slug in wanted if slug not in by_slug]
    if unknown or len(wanted) > most:
        told = f"this machine has no tag {unknown[0]!r}" if unknown else f"at most {most} at once"
        raise Invalid({"query.tags": told})
    return [by_slug[slug] for slug in wanted]


def _series(tag: Tag, found: telemetry.SeriesHistory) -> models.Series:
    table = np.column_stack([found.mean, found.low, found.high]).tolist()
    return models.Series(
        slug=tag.slug,
        unit=tag.unit,
        points=[(at, *row) for at, row in zip(found.time_ms.astype(np.int64).tolist(), table, strict=True)],
        bad=[(round(stretch.from_ms), round(stretch.to_ms), stretch.reason) for stretch in found.bad],
        partly_bad=[(round(step.from_ms), round(step.to_ms), step.share) for step in found.partly_bad],
        texts=[(round(change.at_ms), change.text) for change in found.texts],
    )
