"""Work orders over HTTP: list, read, write, and act; the rules are those of the maintenance room."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import Response as PlainResponse

from anomaly.loop import effect_store
from anomaly.loop.effect import Effect
from anomaly.store import load_alarm
from api import VersionMismatch, cursors
from api.access import SignedIn, Tx
from api.models import orders as models
from api.models.base import MachineRef, PersonRef
from api.uploads import SUFFIX
from database.pool import Connection
from maintenance import orders as rules
from maintenance import reports, store
from maintenance.records import Event, NewOrder, Order, Request, Source

router = APIRouter(tags=["orders"])

IfMatch = Annotated[str | None, Header(description='The ETag of the order that was looked at, such as `"7"`.')]


@router.get("/orders")
async def list_orders(query: Annotated[models.OrderQuery, Query()], tx: Tx, caller: SignedIn) -> models.OrderPage:
    """Orders, last reported first."""
    states = store.STATE_FILTERS[query.state]
    wanted = store.OrderFilter(states, query.machine_id, caller.person_id if query.mine else None)
    found = await store.list_orders(tx, wanted, cursors.time_and_id(query.cursor), query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].reported_at, page[-1].id) if len(found) > query.limit else None
    return models.OrderPage(items=[summary(order) for order in page], next_cursor=following)


@router.post("/orders", status_code=201)
async def create_order(new: models.NewOrder, tx: Tx, caller: SignedIn, response: Response) -> models.Order:
    """Write an order. The same id again answers with the order as it is, and 200."""
    wanted = NewOrder(new.id, new.machine_id, new.title, new.priority, Source.PERSON, new.id, new.type)
    order, created = await store.create_order(tx, wanted, caller.actor())
    if not created:
        response.status_code = 200
    return await _whole(tx, caller, order, response)


@router.get("/orders/{order_id}")
async def read_order(order_id: UUID, tx: Tx, caller: SignedIn, response: Response) -> models.Order:
    """One order with its history, what came with it, and what the caller may do now."""
    return await _whole(tx, caller, await store.load_order(tx, order_id), response)


@router.post("/orders/{order_id}/actions")
async def act_on_order(
    order_id: UUID,
    wanted: models.OrderAction,
    tx: Tx,
    caller: SignedIn,
    response: Response,
    if_match: IfMatch = None,
) -> models.Order:
    """Take one step. The same request_id again changes nothing and answers with the order as it is."""
    request = Request(**wanted.model_dump())
    order = await store.act(tx, order_id, request, caller.actor(), _version(if_match))
    return await _whole(tx, caller, order, response)


@router.get("/orders/{order_id}/effect")
async def read_effect(order_id: UUID, tx: Tx) -> models.Effect:
    """Whether the repair helped: the tags of its alarm before it and after it, against what was ordinary before."""
    order = await store.load_order(tx, order_id)
    if order.alarm_id is None or order.completed_at is None:
        told = "no alarm made this order" if order.alarm_id is None else "the work is not done yet"
        return models.Effect.model_validate(Effect("not_checked", told))
    alarm = await load_alarm(tx, order.alarm_id)
    begun = order.arrived_at or order.accepted_at or order.completed_at
    return models.Effect.model_validate(
        await effect_store.check(tx, alarm, begun, order.completed_at, datetime.now(UTC))
    )


@router.get("/attachments/{attachment_id}", response_class=PlainResponse)
async def read_attachment(attachment_id: UUID, tx: Tx) -> PlainResponse:
    """A photo or a recording; told by its own bytes when it came in, and never to be run."""
    content_type, content = await reports.attachment_content(tx, attachment_id)
    name = f"{attachment_id}.{SUFFIX.get(content_type, 'bin')}"
    return PlainResponse(
        content,
        media_type=content_type if content_type in SUFFIX else "application/octet-stream",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=86400, immutable",
        },
    )


def summary(order: Order) -> models.OrderSummary:
    """An order as lists show it."""
    return models.OrderSummary(**_summary_fields(order))


def _summary_fields(order: Order) -> dict[str, Any]:
    assignee = PersonRef(id=order.assignee_id, name=order.assignee_name or "") if order.assignee_id else None
    return {
        "id": order.id,
        "no": order.no,
        "title": order.title,
        "machine": MachineRef(id=order.machine_id, slug=order.machine_slug, name=order.machine_name),
        "state": order.state.value,
        "priority": order.priority,
        "type": order.type,
        "source": order.source.value,
        "assignee": assignee,
        "reported_at": order.reported_at,
        "updated_at": order.updated_at,
    }


async def _whole(tx: Connection, caller: SignedIn, order: Order, response: Response) -> models.Order:
    response.headers["ETag"] = f'"{order.version}"'
    events = await store.load_events(tx, order.id)
    report = await reports.load_report(tx, order.report_id) if order.report_id else None
    attachments = await reports.attachments_of_order(tx, order.id)
    return models.Order.model_validate(
        {
            **_summary_fields(order),
            "cause": order.cause,
            "verdict": order.verdict,
            "version": order.version,
            "stamps": models.Stamps.model_validate(order),
            "allowed_actions": [asdict(choice) for choice in rules.allowed(order, caller.actor(), datetime.now(UTC))],
            "events": [_event(sealed.event) for sealed in events],
            "alarm_id": order.alarm_id,
            "request": models.Request.model_validate(report) if report else None,
            "attachments": [_attachment(found) for found in attachments],
        }
    )


def _event(event: Event) -> models.OrderEvent:
    told = {"actor": event.actor_name, "at": event.server_time}
    return models.OrderEvent.model_validate({**asdict(event), **told})


def _attachment(found: reports.Attachment) -> models.Attachment:
    url = f"/api/v1/attachments/{found.id}"
    return models.Attachment.model_validate({**asdict(found), "url": url})


def _version(if_match: str | None) -> int | None:
    """The version inside an ETag; `*` is any."""
    if if_match is None or if_match.strip() == "*":
        return None
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise VersionMismatch(f"If-Match {if_match[:40]!r} is no version of an order")
    return int(number)
