"""Models in a real database: one staged, one released, a way back, and a history that nobody rewrites."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from anomaly.models import NotFromHere, UnknownModel, UnreadableModel, store
from anomaly.models.file import Card, Figure, ModelFile

NAME = "efficiency:pump-1"


def model(state=b"learned"):
    return ModelFile(
        Card("efficiency-1", "pump-1", ("power", "flow"), 600, 1, 2, {"above_2": Figure(0.01, "lower")}), state
    )


async def added(desk, state=b"learned"):
    async with desk.worker() as conn:
        return (await store.add(conn, NAME, model(state), "every month")).id


async def act(desk, model_id, action):
    async with desk.app() as conn:
        return (await store.act(conn, model_id, action, f"to {action}", desk.person)).state


async def released(desk):
    async with desk.worker() as conn:
        return (await store.released(conn, NAME, ["efficiency-1"]))[1].state


async def test_train_stage_release_replace_and_roll_back(desk):
    first, second = await added(desk, b"first"), await added(desk, b"second")
    with pytest.raises(UnknownModel):
        await released(desk)
    assert [await act(desk, first, step) for step in ("stage", "release")] == ["staged", "released"]
    assert await released(desk) == b"first"
    await act(desk, second, "stage")
    assert await released(desk) == b"first", "a staged one runs beside, not instead"
    await act(desk, second, "release")
    assert await released(desk) == b"second"
    assert await act(desk, second, "roll_back") == "rejected"
    assert await released(desk) == b"first"
    async with desk.app() as conn:
        states = [(one.version, one.state) for one in await store.list_models(conn)]
        told = await store.events(conn, first)
    assert states == [(2, "rejected"), (1, "released")]
    assert [(event.action, event.actor_id) for event in told] == [
        ("restore", desk.person), ("replace", desk.person), ("release", desk.person), ("stage", desk.person),
        ("train", None),
    ]  # fmt: skip
    assert told[0].reason == "instead of version 2: to roll_back"


async def test_back_twice(desk):
    for state in (b"1", b"2", b"3"):
        one = await added(desk, state)
        await act(desk, one, "stage")
        await act(desk, one, "release")
    async with desk.app() as conn:
        third, second, first = (one.id for one in await store.list_models(conn, NAME))
    await act(desk, third, "roll_back")
    await act(desk, second, "roll_back")
    assert await released(desk) == b"1"
    with pytest.raises(NotFromHere, match="no version was released before"):
        await act(desk, first, "roll_back")


@pytest.mark.parametrize("steps", [["release"], ["roll_back"], ["stage", "stage"], ["reject", "stage"]])
async def test_no_other_way(desk, steps):
    one = await added(desk)
    for step in steps[:-1]:
        await act(desk, one, step)
    with pytest.raises(NotFromHere):
        await act(desk, one, steps[-1])


async def test_only_one_is_staged(desk):
    first, second = await added(desk), await added(desk)
    found = await asyncio.gather(act(desk, first, "stage"), act(desk, second, "stage"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["NotFromHere", "str"]


async def test_a_stored_model_that_was_changed_is_not_run(desk, database):
    one = await added(desk)
    await act(desk, one, "stage")
    await act(desk, one, "release")
    async with desk.worker() as conn:
        with pytest.raises(UnreadableModel, match="kind"):
            await store.released(conn, NAME, ["robust-1"])
    with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
        conn.execute("UPDATE alarm.model SET content = content || 'x'")
    with pytest.raises(UnreadableModel, match="not the one that was kept"):
        await released(desk)


async def test_who_may_do_what(desk):
    one = await added(desk)
    with pytest.raises(UnknownModel):
        await act(desk, uuid4(), "stage")
    for statement in (
        "UPDATE alarm.model SET content = ''",
        "DELETE FROM alarm.model",
        "UPDATE alarm.model_event SET reason = 'x'",
    ):
        for transaction in (desk.app, desk.worker):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with transaction() as conn:
                    await conn.execute(statement)
    assert await act(desk, one, "reject") == "rejected"
