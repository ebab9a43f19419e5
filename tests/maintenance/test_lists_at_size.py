"""A list of 100,000 orders is read by index: what it touches is counted, not timed."""

from itertools import product

import psycopg
import pytest

from database.pool import tenant_transaction
from maintenance import store

ORDERS = 100_000
# A page is read through a few index pages and at most one heap page a row; the table alone has thousands.
PAGES_MOST = 600


@pytest.fixture
def hundred_thousand(database, desk):
    """Orders of 200 machines and 20 people over a year, 2 % of them open."""
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(desk.tenant_id)])
        connection.execute(
            """
            INSERT INTO registry.machine (tenant_id, slug, name)
            SELECT %(tenant)s, 'm-' || i, 'M ' || i FROM generate_series(1, 200) i;
            """,
            {"tenant": desk.tenant_id},
        )
        connection.execute(
            """
            WITH m AS (SELECT array_agg(id) ids FROM registry.machine WHERE slug LIKE 'm-%%')
            INSERT INTO work.work_order (id, tenant_id, no, machine_id, type, priority, state, title, source, source_id,
                                         assignee_id, reported_at)
            SELECT gen_random_uuid(), %(tenant)s, i, m.ids[1 + i %% 200], 'corrective', 'high',
                   CASE WHEN i / 200 %% 50 = 0 THEN 'NEW' WHEN i %% 51 = 0 THEN 'CANCELLED' ELSE 'CLOSED' END,
                   'order ' || i, 'person', gen_random_uuid(), CASE WHEN i %% 3 = 0 THEN %(tech)s::uuid END,
                   now() - i * interval '5 minutes'
            FROM generate_series(1, %(orders)s) i, m
            """,
            {"tenant": desk.tenant_id, "tech": desk.people["tech-1"].id, "orders": ORDERS},
        )
    with psycopg.connect(database.dsn("owner"), autocommit=True) as connection:
        connection.execute("ANALYZE work.work_order")
    return desk


async def test_no_page_reads_more_than_it_shows(hundred_thousand):
    desk = hundred_thousand
    async with tenant_transaction(desk.pool, desk.tenant_id) as conn:
        machine = await (await conn.execute("SELECT id FROM registry.machine WHERE slug = 'm-77'")).fetchone()
    narrowings = ({}, {"machine_id": machine[0]}, {"assignee_id": desk.people["tech-1"].id})
    for state, narrowing in product(store.STATE_FILTERS, narrowings):
        wanted = store.OrderFilter(store.STATE_FILTERS[state], **narrowing)
        shown = 0
        async with tenant_transaction(desk.pool, desk.tenant_id) as conn:
            async for page, pages_read in three_pages(conn, wanted):
                assert pages_read < PAGES_MOST, (state, narrowing)
                assert {order.state for order in page} <= set(wanted.states)
                shown += len(page)
        assert shown or state == "done"
    # The measure does see a whole table being read.
    async with tenant_transaction(desk.pool, desk.tenant_id) as conn:
        await conn.execute("SELECT count(title) FROM work.work_order")
        assert await touched(conn) > PAGES_MOST


async def three_pages(conn, wanted):
    after = None
    for _ in range(3):
        before = await touched(conn)
        page = await store.list_orders(conn, wanted, after, limit=50)
        yield page, await touched(conn) - before
        if len(page) < 50:
            return
        after = (page[-1].reported_at, page[-1].id)


async def touched(conn) -> int:
    """Pages of the order table and its indexes that this transaction has looked at."""
    row = await (
        await conn.execute(
            "SELECT sum(pg_stat_get_xact_blocks_fetched(oid)) FROM pg_class WHERE oid = 'work.work_order'::regclass"
            " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'work.work_order'::regclass)"
        )
    ).fetchone()
    return int(row[0] or 0)
