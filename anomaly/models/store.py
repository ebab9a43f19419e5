"""Models in the database: added, staged, released, rolled back; at most one of a name is staged, one released.

    add ─► trained ─stage─► staged ─release─► released      the one released before: retired
              └──────────── reject ◄──┘          │ roll_back: rejected, and the one before is released again

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from anomaly.models import NotFromHere, UnknownModel, UnreadableModel
from anomaly.models.file import Card, ModelFile, card_of, read, write
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

# action: (from which states, to which)
_STEPS = {
    "stage": (("trained", "retired"), "staged"),
    "release": (("staged",), "released"),
    "reject": (("trained", "staged"), "rejected"),
    "roll_back": (("released",), "rejected"),
}
ACTIONS = tuple(_STEPS)


@dataclass(frozen=True, slots=True)
class Model:
    """A model without its content."""

    id: UUID
    name: str
    version: int
    state: str  # trained, staged, released, retired, rejected
    card: Card
    sha256: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """What was done to a model."""

    at: datetime
    actor_id: UUID | None
    action: str
    reason: str


async def add(conn: Connection, name: str, model: ModelFile, reason: str, actor_id: UUID | None = None) -> Model:
    """Keep what was trained, as the next version of its name."""
    await conn.execute(queries.lock_name, {"name": name})
    content = write(model)
    values = {
        "name": name, "card": Jsonb(asdict(model.card)), "content": content,
        "sha256": hashlib.sha256(content).digest(),
    }  # fmt: skip
    row = await (await conn.execute(queries.insert_model, values)).fetchone()
    assert row
    await _event(conn, row[0], "train", reason, actor_id)
    return await load(conn, row[0])


async def act(conn: Connection, model_id: UUID, action: str, reason: str, actor_id: UUID | None = None) -> Model:
    """Take one step.

    Raises:
        UnknownModel. NotFromHere: not from this state, another one is staged, or there is none to go back to.
    """
    model = await load(conn, model_id)
    await conn.execute(queries.lock_name, {"name": model.name})
    model = await load(conn, model_id)
    sources, to = _STEPS[action]
    if model.state not in sources:
        raise NotFromHere(f"`{action}` is not possible for a model that is {model.state}")
    if action == "stage" and await _in_state(conn, model.name, "staged"):
        raise NotFromHere("another version of it is staged: release or reject that one first")
    before = await _in_state(conn, model.name, "released") if action == "release" else None
    back = await _replaced_last(conn, model.name) if action == "roll_back" else None
    if action == "roll_back" and back is None:
        raise NotFromHere("no version was released before this one")
    if before:
        await _set(conn, before, "retired", "replace", f"version {model.version}: {reason}", actor_id)
    await _set(conn, model.id, to, action, reason, actor_id)
    if back:
        await _set(conn, back, "released", "restore", f"instead of version {model.version}: {reason}", actor_id)
    return await load(conn, model_id)


async def load(conn: Connection, model_id: UUID) -> Model:
    """Raises UnknownModel."""
    found = await _models(conn, queries.model_by_id, {"id": model_id})
    if not found:
        raise UnknownModel(str(model_id))
    return found[0]


async def released(conn: Connection, name: str, kinds: Sequence[str] | None = None) -> tuple[UUID, ModelFile]:
    """The released model of a name, checked.

    Raises:
        UnknownModel: none is released. UnreadableModel: damaged, or none of `kinds`.
    """
    model_id = await _in_state(conn, name, "released")
    if model_id is None:
        raise UnknownModel(f"no model {name} is released")
    row = await (await conn.execute(queries.content, {"id": model_id})).fetchone()
    assert row
    if hashlib.sha256(row[0]).digest() != row[1]:
        raise UnreadableModel(f"the stored model {name} is not the one that was kept")
    return model_id, read(row[0], kinds)


async def released_of(conn: Connection, name: str) -> Model | None:
    """The released model of a name without its content; None: none is."""
    model_id = await _in_state(conn, name, "released")
    return await load(conn, model_id) if model_id else None


async def list_models(
    conn: Connection, name: str | None = None, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Model]:
    """At most `limit`, newest first; `after` is (created_at, id) of the last one seen."""
    after_time, after_id = after or (datetime.max.replace(tzinfo=UTC), UUID(int=0))
    values = {"name": name, "after_time": after_time, "after_id": after_id, "limit": limit}
    return await _models(conn, queries.page_of_models, values)


async def events(conn: Connection, model_id: UUID) -> list[ModelEvent]:
    """The last hundred things that were done to it, newest first."""
    async with conn.cursor(row_factory=class_row(ModelEvent)) as cursor:
        return await (await cursor.execute(queries.events, {"id": model_id})).fetchall()


async def _set(conn: Connection, model_id: UUID, state: str, action: str, reason: str, actor_id: UUID | None) -> None:
    await conn.execute(queries.set_state, {"id": model_id, "state": state})
    await _event(conn, model_id, action, reason, actor_id)


async def _event(conn: Connection, model_id: UUID, action: str, reason: str, actor_id: UUID | None) -> None:
    await conn.execute(queries.insert_event, {"id": model_id, "action": action, "reason": reason, "actor_id": actor_id})


async def _in_state(conn: Connection, name: str, state: str) -> UUID | None:
    row = await (await conn.execute(queries.model_in_state, {"name": name, "state": state})).fetchone()
    return row[0] if row else None


async def _replaced_last(conn: Connection, name: str) -> UUID | None:
    row = await (await conn.execute(queries.replaced_last, {"name": name})).fetchone()
    return row[0] if row else None


async def _models(conn: Connection, query: str, values: dict[str, Any]) -> list[Model]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(query, values)).fetchall()
    return [Model(**row | {"card": card_of(row["card"])}) for row in rows]
