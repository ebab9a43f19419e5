"""Every statement of docs/explanation/storage.md does what it says, those of Grafana as a login that only reads."""

import re
from pathlib import Path

import psycopg
import pytest

from database.pool import open_pool, transaction
from tests.ingest_service.storage.stored import BEGIN_US, close_now, pack_all, samples, store

BLOCKS = re.findall(r"```sql\n(.*?)```", Path("docs/explanation/storage.md").read_text(encoding="utf-8"), re.DOTALL)
STANDS_FOR = {
    "$__timeFrom()": "'2020-01-01'",
    "$__timeTo()": "'2030-01-01'",
    "$__interval_ms": "3600000",
    "'pump-1'": "'m'",
    "'vibration', 'flow'": "'tag-1'",
    "the tenant_id from registry.tenant": "{tenant}",
}


@pytest.mark.parametrize("place", ["plain"], indirect=True)
async def test_the_statements_of_the_page_work(place):
    async with open_pool(place.settings()) as pool:
        async with transaction(pool) as connection:
            await store(connection, samples([1] * 10, BEGIN_US + 1_000_000, range(10)))
        await close_now(pool)
        await pack_all(pool)
    reading, role, panel, packs, waiting = (filled(block, place) for block in BLOCKS)
    with place.look() as api:
        for statement in reading.split(";")[:-1]:
            api.execute(statement)
    with psycopg.connect(place.dsn("owner")) as owner:
        owner.execute(role)
        owner.execute("SET SESSION AUTHORIZATION grafana")
        owner.execute(
            "SELECT set_config('app.tenant', %s, false)", [str(place.tenant)]
        )  # a login gets it from its role
        assert [(metric, value) for _, metric, value in owner.execute(panel)] == [("tag-1", 4.5)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege), owner.transaction():
            owner.execute("SELECT FROM telemetry.pack")
        owner.execute("RESET SESSION AUTHORIZATION")
        owner.execute(packs.replace("= 7", "= 1").replace("now() - interval '3 hours'", "'2020-01-01'"))
        owner.execute(waiting)
        owner.rollback()


def filled(block: str, place) -> str:
    for word, value in STANDS_FOR.items():
        block = block.replace(word, value.format(tenant=place.tenant))
    return block
