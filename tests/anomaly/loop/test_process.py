"""The loop inside the running process: verdicts are taken, nights are written, silences end."""

import asyncio
import contextlib

import pytest

from anomaly.loop import labels
from anomaly.settings import AnomalySettings
from tests.anomaly.parts import Look, watching


@pytest.fixture
def look(database, tenant):
    return Look(database.dsn("owner"), tenant.tenant_id)


async def test_two_workers_and_a_restart_write_one_night(broker, database, look):
    async with contextlib.AsyncExitStack() as stack:
        for worker in ("anomaly-1", "anomaly-2"):
            running = watching(broker, database, worker=worker, evaluate_at="00:00", time_zone="UTC", reload_s=0.05)
            await stack.enter_async_context(running)
        await look.until("SELECT count(*) FROM alarm.evaluation", [(1,)])
        await asyncio.sleep(0.3)
    async with watching(broker, database, evaluate_at="00:00", time_zone="UTC", reload_s=0.05):
        await asyncio.sleep(0.3)
    assert await look.rows("SELECT count(*), min(worker) LIKE 'anomaly-_' FROM alarm.evaluation") == [(1, True)]


async def judged(desk, verdict, *, active):
    alarm_id = await desk.unusual("raise")
    if not active:
        await desk.unusual("clear")
    async with desk.app() as conn:
        await labels.judge(conn, alarm_id, verdict, desk.person)


async def test_a_false_alarm_that_has_returned_leaves_a_pattern_and_what_was_learned(broker, database, look, desk):
    await judged(desk, "false_alarm", active=False)
    async with watching(broker, database):
        await look.until("SELECT tags FROM alarm.false_pattern", [(["vibration"],)])
        await look.until("SELECT count(*) FROM audit.outbox WHERE consumer = 'anomaly'", [(0,)])
    assert await look.rows("SELECT count(*) FROM alarm.detector_state") == [(0,)], "nothing was loaded to be forgotten"


async def test_one_that_is_still_there_is_learned_anew_as_well(broker, database, look, desk):
    await judged(desk, "false_alarm", active=True)
    async with watching(broker, database):
        await look.until("SELECT active FROM alarm.alarm", [(False,)])
        await look.until("SELECT count(*) FROM alarm.false_pattern", [(1,)])


async def test_a_changed_process_is_learned_anew_and_leaves_no_pattern(broker, database, look, desk):
    await judged(desk, "process_change", active=True)
    async with watching(broker, database):
        await look.until("SELECT active FROM alarm.alarm", [(False,)])
        await look.until("SELECT count(*) FROM audit.outbox WHERE consumer = 'anomaly'", [(0,)])
    assert await look.rows("SELECT count(*) FROM alarm.false_pattern") == [(0,)]


@pytest.mark.parametrize("wrong", [{"evaluate_at": "24:00"}, {"evaluate_at": "2:30"}, {"time_zone": "Mars/Base"}])
def test_a_wrong_hour_or_zone_is_told_at_the_start(database, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AnomalySettings(database=database.settings("lw_worker"), **wrong)
