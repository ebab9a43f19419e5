"""A gateway's catalog becomes machines and tags of its own tenant, through the role of ingest."""

import psycopg
import pytest

from database.pool import open_pool, transaction
from device_registry import UnknownGateway
from device_registry.catalog import register_catalog
from protocols.wire.catalog import Catalog, CatalogTag

CATALOG = Catalog(
    revision=7,
    tags=[
        CatalogTag(alias=0, machine="pump-1", tag="vibration", kind="float", unit="mm/s"),
        CatalogTag(alias=1, machine="pump-1", tag="pressure", kind="float", unit="bar"),
        CatalogTag(alias=5, machine="pump-2", tag="running", kind="bool"),
    ],
)


@pytest.fixture
async def pool(database):
    async with open_pool(database.settings("lw_ingest")) as pool:
        yield pool


async def test_known_tags_keep_their_series_and_unknown_ones_are_made(tenant, pool, database):
    async with transaction(pool) as connection:
        registered = await register_catalog(connection, "demo", "gw-1", CATALOG)
    assert registered.tenant_id == tenant.tenant_id
    assert registered.gateway_id == tenant.gateways["gw-1"]
    assert registered.series[0] == tenant.series["pump-1", "vibration"]
    assert set(registered.series) == {0, 1, 5}
    with psycopg.connect(database.dsn("owner")) as connection:
        made = connection.execute(
            "SELECT machine.slug, tag.slug, tag.kind, tag.unit, tag.tenant_id FROM registry.tag "
            "JOIN registry.machine ON machine.id = machine_id WHERE series_id = ANY (%s) ORDER BY 1, 2",
            [[registered.series[1], registered.series[5]]],
        ).fetchall()
        seen = connection.execute(
            "SELECT count(*) FROM registry.visible_tag WHERE series_id = ANY (%s) AND tenant_id = %s",
            [list(registered.series.values()), tenant.tenant_id],
        ).fetchone()
    assert made == [
        ("pump-1", "pressure", "float", "bar", tenant.tenant_id),
        ("pump-2", "running", "bool", "", tenant.tenant_id),
    ]
    assert seen == (3,)


async def test_registering_again_gives_the_same_series(tenant, pool):
    async with transaction(pool) as connection:
        first = await register_catalog(connection, "demo", "gw-1", CATALOG)
    async with transaction(pool) as connection:
        assert await register_catalog(connection, "demo", "gw-1", CATALOG) == first


async def test_an_empty_catalog_is_no_error(tenant, pool):
    async with transaction(pool) as connection:
        assert (await register_catalog(connection, "demo", "gw-1", Catalog(revision=0, tags=[]))).series == {}


@pytest.mark.parametrize(("owner", "gateway"), [("demo", "gw-2"), ("nobody", "gw-1")])
async def test_an_unknown_gateway_is_refused(tenant, pool, owner, gateway):
    async with transaction(pool) as connection:
        with pytest.raises(UnknownGateway):
            await register_catalog(connection, owner, gateway, CATALOG)


async def test_a_revoked_gateway_is_refused(tenant, pool, database):
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("UPDATE registry.gateway SET status = 'revoked'")
    async with transaction(pool) as connection:
        with pytest.raises(UnknownGateway, match="revoked"):
            await register_catalog(connection, "demo", "gw-1", CATALOG)
