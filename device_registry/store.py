"""The registry in the database: people and their sessions, machines, tags, labels.

    find_login, find_session, find_label ──► work without a tenant: the caller holds a secret
    everything else ──► inside the caller's tenant transaction (database.pool.tenant_transaction)

The caller commits.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from psycopg.rows import class_row

from database.pool import Connection
from database.queries import load_queries
from device_registry import UnknownMachine, labels
from device_registry.records import (
    FoundLabel,
    Gateway,
    Label,
    Login,
    Machine,
    MachineSummary,
    Person,
    Session,
    Tag,
    Tenant,
)

queries = load_queries(__file__)

_SESSION_TOKEN_BYTES = 32
_Record = TypeVar("_Record")


async def find_login(connection: Connection, login: str) -> Login | None:
    """What this login is checked against; None: nobody has it (verify all the same, see people.verify_password)."""
    return await _one(connection, Login, queries.find_login, login=login)


async def create_session(connection: Connection, person_id: UUID, lifetime: timedelta) -> tuple[str, datetime]:
    """A session for a person of this tenant: its token, which is shown once and kept as a hash, and its end."""
    token, expires_at = secrets.token_urlsafe(_SESSION_TOKEN_BYTES), datetime.now(UTC) + lifetime
    values = {"token_sha256": _sha256(token), "person_id": person_id, "expires_at": expires_at}
    await connection.execute(queries.create_session, values)
    return token, expires_at


async def find_session(connection: Connection, token: str) -> Session | None:
    """The session behind a token, None when it is unknown or over or its person disabled."""
    found = await connection.execute(queries.find_session, {"token_sha256": _sha256(token)})
    row = await found.fetchone()
    if row is None:
        return None
    person_id, tenant_id, login, name, roles, language, expires_at = row
    return Session(Person(person_id, tenant_id, login, name, roles, language), expires_at)


async def end_session(connection: Connection, token: str) -> None:
    """Log out."""
    await connection.execute(queries.end_session, {"token_sha256": _sha256(token)})


async def set_language(connection: Connection, person_id: UUID, language: str) -> None:
    """`zh-CN` or `en`."""
    await connection.execute(queries.set_language, {"person_id": person_id, "language": language})


async def list_people(connection: Connection, role: str | None = None) -> list[Person]:
    """Everybody of this tenant who may log in (and has `role`), by name."""
    return await _all(connection, Person, queries.list_people, role=role)


async def current_tenant(connection: Connection) -> Tenant | None:
    """The tenant of this transaction."""
    return await _one(connection, Tenant, queries.current_tenant)


async def list_machines(connection: Connection, after: str = "", limit: int = 50) -> list[MachineSummary]:
    """The next machines by slug; the cursor is the last slug."""
    return await _all(connection, MachineSummary, queries.list_machines, after=after, limit=limit)


async def find_machine(connection: Connection, machine_id: UUID) -> Machine | None:
    """None: this tenant has no such machine."""
    return await _one(connection, Machine, queries.find_machine, machine_id=machine_id)


async def list_tags(connection: Connection, machine_ids: Sequence[UUID]) -> list[Tag]:
    """The tags of these machines, by machine and slug."""
    return await _all(connection, Tag, queries.list_tags, machine_ids=list(machine_ids))


async def find_gateway(connection: Connection, tenant: str, gateway: str) -> Gateway | None:
    """By the slugs in its topic; for ingest and the workers, who look across tenants."""
    return await _one(connection, Gateway, queries.find_gateway, tenant=tenant, gateway=gateway)


async def find_label(connection: Connection, wanted: str) -> FoundLabel | None:
    """By token, or by short code however it was typed."""
    return await _one(connection, FoundLabel, queries.find_label, wanted=labels.read_short_code(wanted) or wanted)


async def find_machine_label(connection: Connection, machine_id: UUID) -> Label | None:
    """The machine's newest label that was not revoked."""
    return await _one(connection, Label, queries.find_machine_label, machine_id=machine_id)


async def create_label(connection: Connection, machine_id: UUID) -> Label:
    """A new label; older ones stay valid until they are revoked.

    Raises:
        UnknownMachine: this tenant has no such machine.
    """
    if await find_machine(connection, machine_id) is None:
        raise UnknownMachine(f"there is no machine {machine_id}")
    while True:  # a short code is taken once in some hundred million draws
        token, short_code = labels.new_token(), labels.new_short_code()
        label = await _one(
            connection, Label, queries.create_label, machine_id=machine_id, token=token, short_code=short_code
        )
        if label:
            return label


async def revoke_label(connection: Connection, label_id: UUID) -> bool:
    """Whether there was such a label to revoke."""
    return (await connection.execute(queries.revoke_label, {"label_id": label_id})).rowcount == 1


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def _all(connection: Connection, record: type[_Record], query: str, **values: Any) -> list[_Record]:
    async with connection.cursor(row_factory=class_row(record)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()


async def _one(connection: Connection, record: type[_Record], query: str, **values: Any) -> _Record | None:
    async with connection.cursor(row_factory=class_row(record)) as cursor:
        return await (await cursor.execute(query, values)).fetchone()
