"""The fleet's place in the registry: ingest takes nothing from a gateway that nobody has registered."""

from database.pool import Connection
from device_registry.plant import SeedTenant
from device_registry.seed import seed
from simulators.fleet.plan import FleetPlan


async def register(connection: Connection, plan: FleetPlan) -> None:
    """Make tenant and gateways, in the caller's transaction, as owner; what is there stays."""
    gateways = tuple(plan.address(index).gateway for index in range(plan.gateways))
    await seed(connection, SeedTenant(plan.tenant, plan.tenant, "site", "Site", gateways=gateways))
