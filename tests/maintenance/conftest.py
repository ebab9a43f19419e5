"""A tenant with people, two machines and a label, and the pool of the API's role."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import pytest

from database.pool import Pool, open_pool, tenant_transaction
from maintenance.records import Actor, NewOrder, Source

PEOPLE = {"tech-1": "technician", "tech-2": "technician", "plan": "planner", "boss": "admin", "op": "operator"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a test needs to send work through the database."""

    pool: Pool
    tenant_id: UUID
    machine_id: UUID
    critical_id: UUID
    token: str
    people: dict[str, Actor]

    def transaction(self):
        return tenant_transaction(self.pool, self.tenant_id)

    def order(self, cause: str | None = "bearing_wear", **fields) -> NewOrder:
        """An order as a person would write it, or with `source` and `source_id` as something else would."""
        order_id = uuid4()
        values = {
            "id": order_id, "machine_id": self.machine_id, "title": "bearing", "priority": "high",
            "source": Source.PERSON, "source_id": order_id, "cause": cause,
        }  # fmt: skip
        return NewOrder(**values | fields)


def seed(dsn: str) -> tuple[UUID, dict[str, UUID]]:
    """A tenant and the ids of what it has, by name."""
    with psycopg.connect(dsn) as connection:
        tenant_id = connection.execute(
            "INSERT INTO registry.tenant (slug, name) VALUES (%s, 'Works') RETURNING tenant_id",
            [f"t-{uuid4().hex[:8]}"],
        ).fetchone()[0]
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant_id)])
        ids = {}
        for login, role in PEOPLE.items():
            ids[login] = connection.execute(
                "INSERT INTO registry.person (tenant_id, login, name, password_hash, roles)"
                " VALUES (%s, %s, %s, '', %s) RETURNING id",
                [tenant_id, f"{login}@{tenant_id}", login, [role]],
            ).fetchone()[0]
        for slug, criticality in (("pump-1", "B"), ("press-1", "A")):
            ids[slug] = connection.execute(
                "INSERT INTO registry.machine (tenant_id, slug, name, criticality)"
                " VALUES (%s, %s, %s, %s) RETURNING id",
                [tenant_id, slug, slug.title(), criticality],
            ).fetchone()[0]
        connection.execute(
            "INSERT INTO registry.label (tenant_id, machine_id, token, short_code) VALUES (%s, %s, %s, %s)",
            [tenant_id, ids["pump-1"], f"token-of-pump-1-{tenant_id}", f"PUMP-{str(tenant_id)[:6].upper()}"],
        )
    return tenant_id, ids


@pytest.fixture
async def desk(database) -> AsyncIterator[Desk]:
    tenant_id, ids = seed(database.dsn("owner"))
    people = {login: Actor(ids[login], login, frozenset({role})) for login, role in PEOPLE.items()}
    async with open_pool(database.settings("lw_app")) as pool:
        yield Desk(pool, tenant_id, ids["pump-1"], ids["press-1"], f"token-of-pump-1-{tenant_id}", people)
