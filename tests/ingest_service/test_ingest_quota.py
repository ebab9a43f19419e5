"""Quotas: a tenant over its own waits, all others do not notice, and the default bites nobody."""

import dataclasses
import time
from uuid import UUID

import psycopg
import pytest

from ingest_service.allowance import Allowance
from ingest_service.settings import CreditSettings, IngestSettings, QuotaSettings
from protocols.topics import GatewayAddress
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import column, simple

SECOND = 10**9


def of(tenant: str, n: int):
    return dataclasses.replace(simple(1, values=[1.0] * n), tenant=tenant)


def allowance(**quota) -> Allowance:
    return Allowance(CreditSettings(), QuotaSettings.model_validate(quota))


def test_a_tenant_gets_its_samples_over_a_minute_and_not_those_of_others():
    one = allowance(each={"samples_per_s": 10}, tenants={"big": {"samples_per_s": 1000}})
    assert [one.admit(of("a", 40), 0) for _ in range(20)] == [True] * 15 + [False] * 5
    assert one.admit(of("b", 40), 0)
    assert all(one.admit(of("big", 40), 0) for _ in range(100))
    assert one.lowered() == {"a": 1}
    assert one.admit(of("a", 40), SECOND)
    assert not one.admit(of("a", 40), 2 * SECOND)
    taken = sum(40 for second in range(2, 602) if one.admit(of("a", 40), second * SECOND))
    assert taken == pytest.approx(10 * 600, rel=0.02)


def test_a_batch_larger_than_the_bucket_is_taken_and_paid_for():
    one = allowance(each={"samples_per_s": 1})
    assert one.admit(of("a", 600), 0)
    assert not one.admit(of("a", 1), 500 * SECOND)
    assert one.admit(of("a", 1), 541 * SECOND)


def test_what_is_held_is_bounded_and_committing_makes_room():
    one = allowance(tenants={"a": {"batches_held": 2}})
    first, second, third = (of("a", 1) for _ in range(3))
    assert [one.admit(delivery, 0) for delivery in (first, second, third)] == [True, True, False]
    one.release([first])
    assert one.admit(third, 0)


def test_a_tenant_is_told_once_and_its_gateways_get_one_batch_of_credit(capsys):
    one = allowance(each={"samples_per_s": 1})
    for _ in range(100):
        one.admit(of("a", 10), 0)
    assert one.lowered() == {"a": 1}
    assert one.admit(of("a", 10), 120 * SECOND)
    assert one.lowered() == {}
    said = capsys.readouterr().out
    assert (said.count("tenant over its quota"), said.count("within its quota again")) == (1, 1)


def test_the_default_bites_no_plant(database):
    """A worker commits less than a million samples a second."""
    settings = IngestSettings.model_validate({"database": {"dsn": database.dsn("lw_ingest")}})
    one = Allowance(settings.credit, settings.quota)
    batch = of("a", 100_000)
    assert all(one.admit(batch, eighth * SECOND // 8) for eighth in range(1000))


def test_who_is_not_known_has_no_quota():
    one = allowance(each={"samples_per_s": 1})
    assert all(one.admit(simple(1, values=[1.0] * 100), 0) for _ in range(10))
    one.release([simple(1)])


def add_tenant(database, slug: str) -> None:
    tenant = UUID(int=77)
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
        connection.execute("INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, %s, 'x')", [tenant, slug])
        connection.execute("INSERT INTO registry.gateway (tenant_id, slug, name) VALUES (%s, 'gw-1', 'x')", [tenant])


async def test_over_the_broker_the_flood_of_one_tenant_waits_in_its_spool(broker, database, tenant):
    add_tenant(database, "flood")
    quota = {"tenants": {"flood": {"samples_per_s": 10}}}
    now_ns = time.time_ns() - SECOND
    async with (
        ingest(broker, database, quota=quota),
        gateway(broker) as calm,
        gateway(broker, GatewayAddress("flood", "gw-1")) as flood,
    ):
        for gw in (calm, flood):
            await gw.publish_catalog()
            for seq in range(1, 101):
                gw.add(seq, column([float(seq)] * 50, times_ns=[now_ns + seq] * 50))
        with pytest.raises(TimeoutError):
            await flood.deliver(within_s=3, again_after_s=1.0)
        await calm.deliver()
        assert calm.receipts[-1].credit > 1
        told = flood.receipts[-1]
        assert 600 // 50 <= sum(high - low + 1 for low, high in told.committed) < 20
    with psycopg.connect(database.dsn("owner")) as connection:
        [(letters,)] = connection.execute("SELECT count(*) FROM telemetry.dead_letter").fetchall()
    assert letters == 0
