"""All tags of a tenant by the names that gateways use, for the live stream."""

from api.stream.hub import Tenant
from api.stream.values import Name, TagIds
from database.pool import Pool, tenant_transaction
from device_registry import store as registry

_MACHINES_AT_ONCE = 500


async def tags_of(pool: Pool, tenant: Tenant) -> dict[Name, TagIds]:
    """(machine slug, tag slug) → ids."""
    tags: dict[Name, TagIds] = {}
    after = ""
    async with tenant_transaction(pool, tenant.id) as connection:
        while machines := await registry.list_machines(connection, after, _MACHINES_AT_ONCE):
            slugs = {machine.id: machine.slug for machine in machines}
            for tag in await registry.list_tags(connection, list(slugs)):
                tags[slugs[tag.machine_id], tag.slug] = TagIds(tag.id, tag.machine_id)
            after = machines[-1].slug
    return tags
