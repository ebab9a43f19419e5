"""Orders in a real database: numbered, unique, guarded, idempotent, chained, listed page by page."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from database.pool import tenant_transaction
from maintenance import (
    Forbidden,
    Missing,
    NotAllowed,
    RequestReused,
    StaleVersion,
    UnknownMachine,
    UnknownOrder,
    journal,
    store,
)
from maintenance.records import Actor, Request, Source, State
from tests.maintenance.conftest import seed

TAKEN = [("assign", "tech-1", {}), ("accept", "tech-1", {})]


async def walk(desk, order_id, steps):
    """Take (action, who, fields) steps one after another; the order after the last one."""
    order = None
    for action, who, fields in steps:
        async with desk.transaction() as conn:
            order = await store.act(conn, order_id, Request(uuid4(), action, **fields), desk.people[who])
    return order


async def raise_alarm(database, desk, cause="bearing_wear"):
    """An active alarm, written as the detector's worker would."""
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(desk.tenant_id)])
        return connection.execute(
            "INSERT INTO alarm.alarm (tenant_id, machine_id, cause, class, source, model_version, priority, onset_at,"
            " score, contributions) VALUES (%s, %s, %s, 'machine', 'limit', '1', 'high', now(), 1, '[]') RETURNING id",
            [desk.tenant_id, desk.machine_id, cause],
        ).fetchone()[0]


async def test_the_whole_life_of_an_order(database, desk):
    alarm_id = await raise_alarm(database, desk)
    async with desk.transaction() as conn:
        order, created = await store.create_order(conn, desk.order(source=Source.ALARM, source_id=alarm_id))
    assert created
    assert (order.no, order.state, order.alarm_active, order.alarm_id) == (1, State.NEW, True, alarm_id)
    closed = await walk(
        desk, order.id,
        [
            *TAKEN,
            ("start", "tech-1", {"scanned": f"https://plant.example/q/{desk.token}"}),
            ("hold", "tech-1", {"reason": "PART: bearing 6205"}), ("resume", "tech-1", {}),
            ("complete", "tech-1", {"verdict": "confirmed_incipient"}), ("reject", "op", {"reason": "still noisy"}),
            ("complete", "tech-1", {"verdict": "confirmed_functional"}),
            ("close", "plan", {"reason": "the vibration is back to normal tomorrow"}),
        ],
    )  # fmt: skip
    assert (closed.state, closed.rework_count, closed.verdict) == (State.CLOSED, 1, "confirmed_functional")
    async with desk.transaction() as conn:
        chain = await store.load_events(conn, order.id)
        labels = await (await conn.execute("SELECT alarm_id, order_id, verdict, by_id FROM alarm.label")).fetchall()
    assert journal.verify(chain, closed.version) is None
    assert [sealed.event.seq for sealed in chain] == list(range(1, 11))
    assert chain[0].event.data["proposal"]["why"].startswith("tech-1 has the least open work")
    assert chain[3].event.data == {"scanned": True}
    # The later verdict counts, and the detector was told of both.
    assert labels == [(alarm_id, order.id, "confirmed_functional", desk.people["tech-1"].id)]
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(desk.tenant_id)])
        told = connection.execute(
            "SELECT payload->>'verdict' FROM audit.outbox"
            " WHERE topic = 'verdict.given' AND consumer = 'anomaly' ORDER BY id"
        ).fetchall()
    assert told == [("confirmed_incipient",), ("confirmed_functional",)]


async def test_a_changed_byte_in_the_table_is_found(database, desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    await walk(
        desk, order.id, [("assign", "tech-1", {}), ("accept", "tech-1", {}), ("start", "tech-1", {"reason": "dirty"})]
    )
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(desk.tenant_id)])
        connection.execute("UPDATE work.event SET reason = 'dirtz' WHERE reason = 'dirty'")
    async with desk.transaction() as conn:
        chain = await store.load_events(conn, order.id)
    assert journal.verify(chain, 4) == 4


async def test_nobody_changes_or_removes_an_event(desk):
    async with desk.transaction() as conn:
        await store.create_order(conn, desk.order())
    for statement in ("UPDATE work.event SET reason = 'x'", "DELETE FROM work.event", "DELETE FROM work.work_order"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with desk.transaction() as conn:
                await conn.execute(statement)


async def test_the_same_source_and_the_same_open_cause_make_one_order(desk):
    first = desk.order()
    async with desk.transaction() as conn:
        order, created = await store.create_order(conn, first)
        again, created_again = await store.create_order(conn, first)
        other = desk.order()
        joined, created_other = await store.create_order(conn, other)
        chain = await store.load_events(conn, order.id)
    assert (created, created_again, created_other) == (True, False, False)
    assert order.id == again.id == joined.id
    assert [sealed.event.action for sealed in chain] == ["create", "note"]
    assert chain[1].event.data == {"source": "person", "source_id": str(other.source_id)}


async def test_a_finished_order_makes_room_for_the_next(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    await walk(desk, order.id, [("cancel", "plan", {"reason": "not ours"})])
    async with desk.transaction() as conn:
        after, created = await store.create_order(conn, desk.order())
    assert created
    assert (order.no, after.no) == (1, 2)


async def test_twenty_alarms_of_one_cause_at_once_make_one_order(desk):
    async def once():
        async with desk.transaction() as conn:
            return await store.create_order(conn, desk.order())

    made = await asyncio.gather(*(once() for _ in range(20)))
    assert len({order.id for order, _ in made}) == 1
    assert [created for _, created in made].count(True) == 1
    async with desk.transaction() as conn:
        chain = await store.load_events(conn, made[0][0].id)
    assert journal.verify(chain, 20) is None


async def test_a_request_is_taken_once(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
        other, _ = await store.create_order(conn, desk.order("seal_leak"))
    request = Request(uuid4(), "assign", assignee_id=desk.people["tech-2"].id)

    async def once():
        async with desk.transaction() as conn:
            return await store.act(conn, order.id, request, desk.people["plan"])

    assert {after.version for after in await asyncio.gather(*(once() for _ in range(10)))} == {2}
    with pytest.raises(RequestReused):
        async with desk.transaction() as conn:
            await store.act(conn, other.id, request, desk.people["plan"])


async def test_two_technicians_take_the_same_order_and_one_gets_it(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())

    async def take(who):
        async with desk.transaction() as conn:
            return await store.act(conn, order.id, Request(uuid4(), "assign"), desk.people[who])

    outcomes = await asyncio.gather(take("tech-1"), take("tech-2"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotAllowed", "Order"]


async def test_an_old_version_and_unknown_ids_are_refused(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    await walk(desk, order.id, [("assign", "tech-1", {})])
    for error, order_id, version in ((StaleVersion, order.id, 1), (UnknownOrder, uuid4(), None)):
        with pytest.raises(error):
            async with desk.transaction() as conn:
                await store.act(conn, order_id, Request(uuid4(), "accept"), desk.people["tech-1"], version)
    with pytest.raises(UnknownMachine):
        async with desk.transaction() as conn:
            await store.create_order(conn, desk.order(machine_id=uuid4()))


async def test_only_the_label_of_the_machine_starts_the_work(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order(machine_id=desk.critical_id))
    await walk(desk, order.id, [*TAKEN])
    for scanned in (desk.token, "", "/", "PUMP-000000"):
        with pytest.raises(Missing):
            await walk(desk, order.id, [("start", "tech-1", {"scanned": scanned})])


async def test_a_revoked_label_starts_nothing(database, desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
        await conn.execute("UPDATE registry.label SET revoked_at = now()")
    await walk(desk, order.id, [*TAKEN])
    with pytest.raises(Missing):
        await walk(desk, order.id, [("start", "tech-1", {"scanned": desk.token})])


async def test_only_active_technicians_are_given_work(database, desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(desk.tenant_id)])
        connection.execute("UPDATE registry.person SET disabled_at = now() WHERE name = 'tech-1'")
    for nobody in (desk.people["tech-1"].id, desk.people["op"].id, uuid4()):
        with pytest.raises(Missing):
            await walk(desk, order.id, [("assign", "plan", {"assignee_id": nobody})])


async def test_a_closed_order_is_not_reopened_beside_a_newer_one(desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    await walk(
        desk, order.id,
        [*TAKEN, ("start", "tech-1", {"scanned": desk.token}),
         ("complete", "tech-1", {}), ("close", "op", {})],
    )  # fmt: skip
    async with desk.transaction() as conn:
        _, created = await store.create_order(conn, desk.order())
    assert created
    with pytest.raises(NotAllowed, match="already open"):
        await walk(desk, order.id, [("reopen", "plan", {"reason": "again"})])


async def test_the_worker_of_a_critical_machine_does_not_verify_it(database, desk):
    both = Actor(desk.people["tech-1"].id, "tech-1", frozenset({"technician", "planner"}))
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order(machine_id=desk.critical_id))
    await walk(
        desk, order.id,
        [*TAKEN, ("start", "tech-1", {"reason": "x"}), ("complete", "tech-1", {})],
    )  # fmt: skip
    with pytest.raises(Forbidden):
        async with desk.transaction() as conn:
            await store.act(conn, order.id, Request(uuid4(), "close"), both)


async def test_a_list_is_walked_page_by_page_without_a_hole(desk):
    machines = [desk.machine_id, desk.critical_id]
    async with desk.transaction() as conn:  # one transaction: many orders of one instant are possible
        made = [
            (await store.create_order(conn, desk.order(None, machine_id=machines[number % 2])))[0]
            for number in range(23)
        ]
    await walk(desk, made[0].id, [("cancel", "plan", {"reason": "x"})])
    await walk(desk, made[1].id, [("assign", "plan", {"assignee_id": desk.people["tech-2"].id})])
    newest_first = [order.id for order in sorted(made, key=lambda order: (-order.reported_at.timestamp(), order.id))]

    async def pages(wanted):
        seen, after = [], None
        while True:
            async with desk.transaction() as conn:
                page = await store.list_orders(conn, wanted, after, limit=5)
            seen += [order.id for order in page]
            if not page:
                return seen
            after = (page[-1].reported_at, page[-1].id)

    assert await pages(store.OrderFilter()) == newest_first
    opened = store.OrderFilter(store.STATE_FILTERS["open"])
    assert await pages(opened) == [order_id for order_id in newest_first if order_id != made[0].id]
    of_machine = store.OrderFilter(machine_id=desk.machine_id)
    assert set(await pages(of_machine)) == {order.id for order in made[::2]}
    mine = store.OrderFilter(assignee_id=desk.people["tech-2"].id)
    assert await pages(mine) == [made[1].id]
    async with desk.transaction() as conn:
        assert await store.open_counts(conn, machines) == {desk.machine_id: 11, desk.critical_id: 11}


async def test_another_tenant_sees_and_changes_nothing(database, desk):
    async with desk.transaction() as conn:
        order, _ = await store.create_order(conn, desk.order())
    stranger, ids = seed(database.dsn("owner"))
    async with tenant_transaction(desk.pool, stranger) as conn:
        assert await store.list_orders(conn, store.OrderFilter()) == []
        assert await store.load_events(conn, order.id) == []
        with pytest.raises(UnknownOrder):
            await store.act(conn, order.id, Request(uuid4(), "cancel", reason="x"), desk.people["plan"])
        mine, _ = await store.create_order(conn, desk.order(machine_id=ids["pump-1"]))
    assert mine.no == 1
