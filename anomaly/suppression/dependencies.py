"""Which machine needs which: air, power, coolant, parts. When the one above stops, those below are explained.

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from anomaly import CircularDependency, UnknownDependency
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


@dataclass(frozen=True, slots=True)
class Dependency:
    """`machine` needs `parent`. causes: the parent's alarms that explain it; None: any that asks for work."""

    id: UUID
    machine_id: UUID
    machine_slug: str
    machine_name: str
    parent_id: UUID
    parent_slug: str
    parent_name: str
    within_s: float
    causes: list[str] | None
    note: str


@dataclass(frozen=True, slots=True)
class NewDependency:
    """within_s: how long after the parent's alarm an alarm below is still explained by it."""

    machine_id: UUID
    parent_id: UUID
    within_s: float = 300.0
    causes: Sequence[str] | None = None
    note: str = ""


async def add(conn: Connection, new: NewDependency) -> Dependency:
    """Write it down; one that is there already stays as it is. Raises CircularDependency."""
    await conn.execute(queries.lock_dependencies)
    circle = {"machine_id": new.parent_id, "needed_id": new.machine_id}
    if new.machine_id == new.parent_id or await (await conn.execute(queries.needs, circle)).fetchone():
        raise CircularDependency("the parent already needs this machine, directly or through others")
    values = {
        "machine_id": new.machine_id, "parent_id": new.parent_id, "within_s": new.within_s,
        "causes": None if new.causes is None else list(new.causes), "note": new.note,
    }  # fmt: skip
    await conn.execute(queries.add_dependency, values)
    pair = (new.machine_id, new.parent_id)
    return next(one for one in await list_dependencies(conn) if (one.machine_id, one.parent_id) == pair)


async def remove(conn: Connection, dependency_id: UUID) -> None:
    """It needs it no longer. Raises UnknownDependency."""
    if not (await conn.execute(queries.remove_dependency, {"id": dependency_id})).rowcount:
        raise UnknownDependency(str(dependency_id))


async def list_dependencies(conn: Connection) -> list[Dependency]:
    """All of them, by machine."""
    async with conn.cursor(row_factory=class_row(Dependency)) as cursor:
        return await (await cursor.execute(queries.dependencies)).fetchall()
