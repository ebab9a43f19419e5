"""What a gateway says it measures → machines and tags of its tenant, and the series each alias stands for.

    Catalog (retained topic) ──► registry.machine, registry.tag ──► {alias: series_id}

Unknown machines and tags of the gateway's own tenant are made. An unknown gateway is refused, so that nobody makes up
tenants.
"""

from dataclasses import dataclass
from uuid import UUID

from database.pool import Connection, set_tenant
from database.queries import load_queries
from device_registry import UnknownGateway
from device_registry.store import find_gateway
from protocols.wire.catalog import Catalog

queries = load_queries(__file__)

_ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Registered:
    """Whose data it is, and which series each alias of this revision means."""

    tenant_id: UUID
    gateway_id: UUID
    series: dict[int, int]


async def register_catalog(connection: Connection, tenant: str, gateway: str, catalog: Catalog) -> Registered:
    """Bring the registry up to the catalog; the rest of the caller's transaction belongs to that tenant.

    Raises:
        UnknownGateway: the tenant has no such gateway, or it is not active.
    """
    known = await find_gateway(connection, tenant, gateway)
    if known is None or known.status != _ACTIVE:
        reason = "is not known" if known is None else f"is {known.status}"
        raise UnknownGateway(f"gateway {gateway} of {tenant} {reason}; register it first")
    await set_tenant(connection, known.tenant_id)
    columns = {
        "aliases": [tag.alias for tag in catalog.tags],
        "machines": [tag.machine for tag in catalog.tags],
        "tags": [tag.tag for tag in catalog.tags],
        "units": [tag.unit for tag in catalog.tags],
        "kinds": [tag.kind for tag in catalog.tags],
        "titles": [tag.title or tag.tag for tag in catalog.tags],
    }
    machines = {tag.machine: tag.machine_title or tag.machine for tag in catalog.tags}
    await connection.execute(
        queries.add_machines, {"machines": sorted(machines), "titles": [machines[name] for name in sorted(machines)]}
    )
    await connection.execute(queries.add_tags, columns)
    found = await connection.execute(queries.series_of, columns)
    return Registered(known.tenant_id, known.id, dict(await found.fetchall()))
