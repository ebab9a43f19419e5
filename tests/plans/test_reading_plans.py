"""No question reads what it does not need: by index, of the right partitions, in pages that are near its answer.

Every question has a control: without the index that it stands on, the same look must find something needless.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import psycopg
import pytest

from database.pool import Connection, set_tenant
from ingest_service import completeness, export
from ingest_service.export import Resolution, Source, Wanted, pages, planning
from ingest_service.history import history, latest, question
from tests.plans.conftest import Site
from tests.plans.explained import Work, explained

HOUR = timedelta(hours=1)


class Question(NamedTuple):
    """A call with the least rows it returns, the most pages these are worth, and what it cannot do without."""

    ask: Callable[[Connection, Site], Awaitable[int]]
    rows_least: int
    pages_most: int
    without: str


def machine_of(first: int, until: timedelta, points: int = 400):
    """A machine of nine tags, which a gateway has named one after the other."""
    series = range(first, first + 9)

    async def ask(connection: Connection, site: Site) -> int:
        told = await history(connection, series, site.hot_until - until, site.hot_until, points)
        return min(len(one.mean) for one in told.series.values())

    return ask


def history_of(series: int, since: timedelta, until: timedelta = timedelta(0), points: int = 400):
    async def ask(connection: Connection, site: Site) -> int:
        told = await history(connection, [series], site.hot_until - since, site.hot_until - until, points)
        return len(told.series[series].mean) + len(told.series[series].texts)

    return ask


def latest_of(*series: int):
    async def ask(connection: Connection, site: Site) -> int:
        return len(await latest(connection, series))

    return ask


def export_of(series: int, kind: str, resolution: Resolution = Resolution.RAW):
    async def ask(connection: Connection, site: Site) -> int:
        @contextlib.asynccontextmanager
        async def same() -> AsyncIterator[Connection]:
            yield connection

        source = Source(series, "machine", "tag", "", kind)
        wanted = Wanted((source,), site.first + 3 * HOUR, site.first + 6 * HOUR, resolution)
        planned = await export.plan(connection, wanted, 1_000_000)
        return sum([len(page.rows) async for page in pages.pages(planned, same)])

    return ask


async def gaps(connection: Connection, site: Site) -> int:
    return len(await completeness.own_gaps(connection, site.gateway))


PACKS = "DROP INDEX telemetry.pack_by_series"
HOT = "DROP INDEX telemetry.sample_lookup"
TEXTS = "DROP INDEX telemetry.text_sample_by_series"
BATCHES = "ALTER TABLE telemetry.batch DROP CONSTRAINT batch_pkey"

QUESTIONS = {
    "ten hot minutes": Question(history_of(117, HOUR / 6), 140, 150, HOT),
    "ten hot minutes of a machine": Question(machine_of(42, HOUR / 6), 140, 600, HOT),
    "two days of a machine": Question(machine_of(42, 48 * HOUR, points=50), 48, 1500, PACKS),
    "a packed hour": Question(history_of(117, 5 * HOUR, 4 * HOUR), 360, 150, PACKS),
    "two days by ten minutes": Question(history_of(117, 48 * HOUR), 280, 300, PACKS),
    "two days by hours": Question(history_of(117, 48 * HOUR, points=50), 48, 150, PACKS),
    "two days with half a bad hour": Question(history_of(5, 48 * HOUR), 280, 400, PACKS),
    "texts of a day": Question(history_of(111, 24 * HOUR), 1400, 3000, TEXTS),
    "the last text of each hour": Question(history_of(111, 48 * HOUR, points=50), 48, 5000, TEXTS),
    "latest of those that live": Question(latest_of(17, 18, 19), 3, 400, HOT),
    "latest of those that are silent": Question(latest_of(170, 180), 2, 300, PACKS),
    "latest of a text": Question(latest_of(111), 1, 150, TEXTS),
    "three hours as they are": Question(export_of(117, "float"), 1080, 200, PACKS),
    "three hours by minutes": Question(export_of(117, "float", Resolution.MINUTE), 180, 200, PACKS),
    "three hours of texts": Question(export_of(111, "text"), 180, 500, TEXTS),
    "gaps of a gateway": Question(gaps, 30, 450, BATCHES),
}


def faults(question: Question, site: Site, work: Work) -> list[str]:
    """What was read without need."""
    found = [str(scan) for scan in work.needless()]
    if work.pages > question.pages_most:
        found.append(f"{work.pages} pages, at most {question.pages_most}")
    return found + [f"{part} is packed" for part in work.tables() & site.packed]


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Connection]:
    """The API's role and tenant, on a connection that may look at plans; leaves no change."""
    async with await psycopg.AsyncConnection.connect(site.dsn) as connection:
        await connection.execute("SET LOCAL TIME ZONE 'UTC'")
        await set_tenant(connection, site.tenant)
        yield connection
        await connection.rollback()


async def follow(question: Question, site: Site, connection: Connection) -> tuple[int, Work]:
    async with explained(connection) as work:
        await connection.execute("SET LOCAL ROLE lw_app")
        rows = await question.ask(connection, site)
        await connection.execute("RESET ROLE")
    return rows, work


@pytest.mark.parametrize("name", QUESTIONS)
async def test_nothing_is_read_without_need(name, site, api):
    rows, work = await follow(QUESTIONS[name], site, api)
    assert rows >= QUESTIONS[name].rows_least
    assert faults(QUESTIONS[name], site, work) == []


@pytest.mark.parametrize("name", QUESTIONS)
async def test_without_its_index_the_look_finds_it(name, site, api):
    await api.execute(QUESTIONS[name].without)
    _, work = await follow(QUESTIONS[name], site, api)
    assert faults(QUESTIONS[name], site, work) != []


async def test_packed_partitions_that_are_read_are_found(site, api):
    await api.execute("UPDATE telemetry.packing SET packed_until = 0")
    name = "ten hot minutes"
    _, work = await follow(QUESTIONS[name], site, api)
    assert any(fault.endswith("is packed") for fault in faults(QUESTIONS[name], site, work))


async def test_every_statement_of_these_rooms_is_asked(site, api):
    asked = []
    for one in QUESTIONS.values():
        asked += (await follow(one, site, api))[1].statements
    for queries in (question.queries, planning.queries):
        for name, text in queries._blocks.items():
            begin = text.partition("%(")[0]
            assert any(statement.startswith(begin) for statement in asked), name
