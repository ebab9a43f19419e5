"""What gateways say of themselves is kept, and every hole in their numbers has its explanation."""

import asyncio
import contextlib
import json
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.pool import open_pool, tenant_transaction, transaction
from edge_gateway.spool.rows import SEQ_END, Dropped
from edge_gateway.uplink import state as edge_state
from ingest_service.completeness import gaps, own_gaps, own_gateway, own_gateways
from ingest_service.gateway_states import words
from ingest_service.gateway_states.store import put
from protocols import UndecodablePayload
from protocols.topics import Up
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import NOW_NS

RUN = UUID(int=7)


def said(dropped=(), *, open_batches=0, runs=(RUN,)) -> words.State:
    """What the cloud understands of what an edge says."""
    return words.parse(edge_state.online(list(runs), 3, open_batches, list(dropped), None))


def drop(first: int, last: int, samples: int = 10, reason: str = "no_space", run: UUID = RUN) -> Dropped:
    return Dropped(run, first, last, samples, NOW_NS, NOW_NS + 10**9, reason)


def ask(database, query, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else None


def committed(database, gateway_id: UUID, ranges: str, run: UUID = RUN, age: str = "1 hour") -> None:
    ask(
        database,
        "INSERT INTO telemetry.ledger (gateway_id, run_id, committed, updated_at)"
        " VALUES (%s, %s, %s, now() - %s::interval)",
        gateway_id, run, ranges, age,
    )  # fmt: skip


async def found(database, gateway_id: UUID) -> list[tuple]:
    async with open_pool(database.settings("lw_ingest")) as pool, transaction(pool) as connection:
        return [(*gap[1:5], gap.samples) for gap in await gaps(connection, gateway_id)]


async def hear(database, gateway_id: UUID, *states: words.State) -> None:
    async with open_pool(database.settings("lw_ingest")) as pool:
        for state in states:
            async with transaction(pool) as connection:
                await put(connection, {gateway_id: state})


async def test_a_hole_is_dropped_with_its_reason_on_its_way_or_unknown(database):
    gateway_id = uuid4()
    committed(database, gateway_id, "{[1,4), [6,9), [12,20)}")
    assert await found(database, gateway_id) == [(4, 5, "unknown", None, None), (9, 11, "unknown", None, None)]
    await hear(database, gateway_id, said([drop(4, 5)], open_batches=3))
    assert await found(database, gateway_id) == [(4, 5, "dropped", "no_space", 10), (9, 11, "on_its_way", None, None)]
    await hear(database, gateway_id, said([drop(10, 10, reason="damaged"), drop(4, 5)]))
    assert await found(database, gateway_id) == [
        (4, 5, "dropped", "no_space", 10), (9, 9, "unknown", None, None),
        (10, 10, "dropped", "damaged", 10), (11, 11, "unknown", None, None),
    ]  # fmt: skip


async def test_a_hole_that_opened_a_moment_ago_is_on_its_way(database):
    gateway_id = uuid4()
    committed(database, gateway_id, "{[2,4)}", age="1 minute")
    assert await found(database, gateway_id) == [(1, 1, "on_its_way", None, None)]


async def test_what_was_given_up_behind_the_last_number_or_of_a_run_never_seen_is_a_gap_too(database):
    gateway_id, unseen = uuid4(), UUID(int=8)
    committed(database, gateway_id, "{[1,4)}")
    await hear(database, gateway_id, said([drop(2, SEQ_END, 0, "damaged"), drop(1, 9, 90, run=unseen)]))
    # 2 and 3 did arrive before they were given up: they are no gap, and how many samples the rest had nobody knows.
    assert await found(database, gateway_id) == [
        (4, SEQ_END, "dropped", "damaged", None),
        (1, 9, "dropped", "no_space", 90),
    ]


async def test_a_range_that_grew_is_told_once_and_gone_says_nothing_of_what_was_dropped(database):
    gateway_id = uuid4()
    await hear(database, gateway_id, said([drop(4, 5)]), said([drop(4, 8, 40)]), said([drop(4, 5)]))
    gone = words.parse(edge_state.OFFLINE)
    await hear(database, gateway_id, gone, gone)
    assert ask(database, "SELECT first_seq, last_seq, samples FROM telemetry.dropped") == [(4, 8, 40)]
    assert ask(database, "SELECT online, runs, open_batches FROM telemetry.gateway_state") == [(False, [RUN], 0)]


async def test_a_tenant_sees_its_own_gateways_only(database, tenant):
    own = tenant.gateways["gw-1"]
    committed(database, own, "{[2,4)}")
    await hear(database, own, said())
    async with open_pool(database.settings("lw_app")) as pool:
        async with tenant_transaction(pool, tenant.tenant_id) as connection:
            assert [one.online for one in await own_gateways(connection) if one.id == own] == [True]
            assert (await own_gateway(connection, own)).slug == "gw-1"
            assert len(await own_gaps(connection, own)) == 1
        async with tenant_transaction(pool, uuid4()) as connection:
            assert await own_gateways(connection) == []
            assert await own_gateway(connection, own) is None
            assert await own_gaps(connection, own) == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with transaction(pool) as connection:
                await gaps(connection, own)


async def test_ingest_hears_retained_states_and_the_will(broker, database, tenant):
    def known():
        return ask(database, "SELECT online, open_batches FROM telemetry.gateway_state")

    async def until(wanted):
        async with asyncio.timeout(15):
            while await asyncio.to_thread(known) != wanted:
                await asyncio.sleep(0.05)

    async with gateway(broker) as gw:
        words_ = edge_state.online([gw.run], 1, 5, [drop(2, 3, run=gw.run)], None)
        await gw.client.publish(gw.address.up(Up.STATE), words_, qos=1, retain=True)
        async with ingest(broker, database):
            await until([(True, 5)])
            await gw.client.publish(gw.address.up(Up.STATE), b"no state", qos=1)
            await gw.client.publish(gw.address.up(Up.STATE), edge_state.OFFLINE, qos=1, retain=True)
            await until([(False, 5)])
            await gw.publish_catalog()
            gw.add(1)
            gw.add(4)
            await gw.deliver()
    assert await found(database, tenant.gateways["gw-1"]) == [(2, 3, "dropped", "no_space", 10)]
    assert ask(database, "SELECT reason, topic FROM telemetry.dead_letter") == [
        ("undecodable", "lw/1/demo/gw-1/up/state")
    ]


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["online", "runs", "dropped", "first_seq", "last_seq", "run"]), inner, max_size=4
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_words_are_understood_or_refused(payload):
    with contextlib.suppress(UndecodablePayload):
        assert isinstance(words.parse(payload).online, bool)
