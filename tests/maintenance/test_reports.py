"""Reports from a label: sent once, kept with photo and voice, and led to the one order of the fault."""

import asyncio
import hashlib
from uuid import uuid4

import psycopg
import pytest

from maintenance import BadReport, RequestReused, UnknownMachine, UnknownReport, journal, reports, store
from maintenance.records import Request, Source
from maintenance.reports import NewAttachment, NewReport

PHOTO = NewAttachment("photo", "image/jpeg", b"\xff\xd8\xff" + bytes(1000))
VOICE = NewAttachment("voice", "audio/webm", b"\x1aE\xdf\xa3" + bytes(500))


def report(desk, **fields) -> NewReport:
    return NewReport(**{"id": uuid4(), "machine_id": desk.machine_id, "symptom": "noise"} | fields)


async def submit(desk, new):
    async with desk.transaction() as conn:
        return await reports.submit_report(conn, new)


async def test_a_report_becomes_an_order_with_everything_it_brought(desk):
    new = report(desk, text="电机异响", reporter="李雷", symptom="smell_smoke", attachments=(PHOTO, VOICE))
    taken, fresh = await submit(desk, new)
    assert fresh
    assert (taken.state, taken.ticket, taken.order_state) == ("CONVERTED", "WO-1", "NEW")
    async with desk.transaction() as conn:
        order = await store.load_order(conn, taken.order_id)
        chain = await store.load_events(conn, order.id)
        attached = await reports.attachments_of_order(conn, order.id)
        contents = [await reports.attachment_content(conn, one.id) for one in attached]
    assert (order.title, order.priority, order.report_id) == ("report:smell_smoke", "critical", new.id)
    assert chain[0].event.actor_name == "李雷"
    assert {one.kind: one.sha256 for one in attached} == {
        "photo": hashlib.sha256(PHOTO.content).digest(),
        "voice": hashlib.sha256(VOICE.content).digest(),
    }
    assert sorted(contents) == [("audio/webm", VOICE.content), ("image/jpeg", PHOTO.content)]


async def test_the_same_report_again_gives_the_same_answer(desk):
    new = report(desk, attachments=(PHOTO,))
    first, _ = await submit(desk, new)
    again, fresh = await submit(desk, new)
    assert (again, fresh) == (first, False)
    async with desk.transaction() as conn:
        assert len(await reports.attachments_of_order(conn, first.order_id)) == 1
        assert len(await store.load_events(conn, first.order_id)) == 1


async def test_twenty_people_report_one_fault_and_one_order_is_made(desk):
    news = [report(desk, reporter=f"R{number}", attachments=(PHOTO,)) for number in range(20)]
    # Every phone sends twice, as phones in a bad network do.
    taken = await asyncio.gather(*(submit(desk, new) for new in news + news))
    assert len({one.order_id for one, _ in taken}) == 1
    assert sum(fresh for _, fresh in taken) == 20
    assert sorted(one.state for one, fresh in taken if fresh) == ["CONVERTED"] + ["MERGED"] * 19
    async with desk.transaction() as conn:
        order = await store.load_order(conn, taken[0][0].order_id)
        chain = await store.load_events(conn, order.id)
        assert len(await reports.attachments_of_order(conn, order.id)) == 20
        assert (await (await conn.execute("SELECT count(*) FROM work.request")).fetchone())[0] == 20
        assert (await (await conn.execute("SELECT count(*) FROM work.work_order")).fetchone())[0] == 1
    assert journal.verify(chain, order.version) is None
    assert {sealed.event.actor_name for sealed in chain} == {f"R{number}" for number in range(20)}


async def test_a_report_joins_the_order_of_an_alarm_but_not_planned_work(desk):
    async with desk.transaction() as conn:
        planned, _ = await store.create_order(conn, desk.order(None, type="preventive"))
        assert await reports.open_fault_order(conn, desk.machine_id) is None
        alarmed, _ = await store.create_order(conn, desk.order(source=Source.ALARM, source_id=uuid4()))
        assert (await reports.open_fault_order(conn, desk.machine_id)).id == alarmed.id
    taken, _ = await submit(desk, report(desk))
    assert (taken.order_id, taken.state) == (alarmed.id, "MERGED")
    assert planned.id != alarmed.id


async def test_after_the_work_is_done_a_report_is_a_new_fault(desk):
    first, _ = await submit(desk, report(desk))
    for action, fields in (("assign", {}), ("accept", {}), ("start", {"scanned": desk.token}), ("complete", {})):
        async with desk.transaction() as conn:
            await store.act(conn, first.order_id, Request(uuid4(), action, **fields), desk.people["tech-1"])
    second, _ = await submit(desk, report(desk))
    assert (second.state, second.ticket) == ("CONVERTED", "WO-2")


async def test_reports_and_cancellation_race_and_no_report_ends_on_a_dead_order(desk):
    for _ in range(8):
        first, _ = await submit(desk, report(desk))

        async def cancel(order_id=first.order_id):
            async with desk.transaction() as conn:
                await store.act(conn, order_id, Request(uuid4(), "cancel", reason="x"), desk.people["plan"])

        (second, _), _ = await asyncio.gather(submit(desk, report(desk)), cancel())
        async with desk.transaction() as conn:
            chain = await store.load_events(conn, first.order_id)
        if second.order_id == first.order_id:  # then the report was there before the order was cancelled
            assert [sealed.event.action for sealed in chain] == ["create", "note", "cancel"]
        else:
            async with desk.transaction() as conn:
                await store.act(conn, second.order_id, Request(uuid4(), "cancel", reason="x"), desk.people["plan"])


async def test_what_cannot_be_kept_is_refused_whole(desk):
    huge = NewAttachment("photo", "image/jpeg", bytes((4 << 20) + 1))
    for new in (
        report(desk, symptom="ghost"),
        report(desk, attachments=(PHOTO, huge)),
        report(desk, attachments=(NewAttachment("film", "video/mp4", b""),)),
    ):
        with pytest.raises(BadReport):
            await submit(desk, new)
        with pytest.raises(UnknownReport):
            async with desk.transaction() as conn:
                await reports.load_report(conn, new.id)
    with pytest.raises(UnknownMachine):
        await submit(desk, report(desk, machine_id=uuid4()))


async def test_the_largest_photo_is_kept(desk):
    largest = NewAttachment("photo", "image/jpeg", bytes(4 << 20))
    taken, _ = await submit(desk, report(desk, attachments=(largest,)))
    assert taken.state == "CONVERTED"


async def test_an_id_that_is_about_another_machine_is_refused(desk):
    first = report(desk)
    await submit(desk, first)
    with pytest.raises(RequestReused):
        await submit(desk, report(desk, id=first.id, machine_id=desk.critical_id))


async def test_the_reporter_follows_the_order_by_the_id_of_the_report(desk):
    new = report(desk)
    taken, _ = await submit(desk, new)
    async with desk.transaction() as conn:
        await store.act(conn, taken.order_id, Request(uuid4(), "assign"), desk.people["tech-1"])
        assert (await reports.load_report(conn, new.id)).order_state == "ASSIGNED"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with desk.transaction() as conn:
            await conn.execute("DELETE FROM work.request")
