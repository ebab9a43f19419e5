"""What somebody without a login sees and can do: scan, report, follow the report; and nothing else."""

import asyncio
import hashlib
from uuid import uuid4

import httpx
import psycopg

JPEG = b"\xff\xd8\xff\xe0" + b"fan belt" * 500
OGG = b"OggS" + b"noise" * 500


def page(token):
    return f"/api/v1/public/labels/{token}"


def report(**changes):
    return {"id": str(uuid4()), "symptom": "noise", "language": "zh-CN", **changes}



async def send_form(client, token, fields, files=None):
    parts = [(name, (None, value)) for name, value in fields.items()]
    parts += [(name, (f"{name}.bin", content, "text/html")) for name, content in (files or {}).items()]
    return await client.post(f"{page(token)}/reports", files=parts)


async def test_a_scan_shows_whitelisted_facts_only(client, ours, database):
    answer = await client.get(page(ours.label_token))
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["machine"] == {"name": "Pump-1", "model": "P 100", "site": "Plant 1", "serial": None, "maker": None}
    assert shown["symptoms"][0] == "leak", "a pump leaks first"
    assert shown["open_report"] is None
    assert "SN-SECRET" not in answer.text
    assert str(ours.tenant_id) not in answer.text
    assert str(ours.machine) not in answer.text
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute("UPDATE registry.machine SET public_fields = '{maker}' WHERE id = %s", [ours.machine])
    only_maker = (await client.get(page(ours.label_token))).json()["machine"]
    assert {name for name, value in only_maker.items() if value} == {"maker"}


async def test_an_unknown_label_is_not_found(client, ours):
    for token in ("unknown-token-of-22-chars", "%00", "a" * 500, "..%2f..", "'; DROP TABLE x; --"):
        assert (await client.get(page(token))).status_code == 404, token


async def test_somebody_logged_in_is_led_to_the_machine(client, ours, theirs):
    found = await client.get(f"/api/v1/labels/{ours.label_token}", headers=ours.bearer("technician"))
    assert (found.status_code, found.json()["id"]) == (200, str(ours.machine))
    foreign = await client.get(f"/api/v1/labels/{theirs.label_token}", headers=ours.bearer("technician"))
    assert foreign.status_code == 404


async def test_a_revoked_label_says_so(client, ours):
    revoked = await client.delete(f"/api/v1/labels/{ours.label}", headers=ours.bearer("planner"))
    assert revoked.status_code == 204
    again = await client.delete(f"/api/v1/labels/{ours.label}", headers=ours.bearer("planner"))
    assert again.status_code == 404
    assert (await client.get(page(ours.label_token))).status_code == 410
    inside = await client.get(f"/api/v1/labels/{ours.label_token}", headers=ours.bearer("technician"))
    assert inside.status_code == 410
    assert (await send_form(client, ours.label_token, report())).status_code == 410
    gone = await client.get(f"/api/v1/machines/{ours.machine}/label", headers=ours.bearer("planner"))
    assert gone.status_code == 404


async def test_a_new_label_is_a_link_that_opens_the_page(client, ours):
    made = await client.post(f"/api/v1/machines/{ours.machine_a}/label", headers=ours.bearer("planner"))
    assert made.status_code == 201
    label = made.json()
    assert label["url"].startswith("http://plant.example/q/")
    assert label["svg"].startswith("<svg")
    assert "script" not in label["svg"]
    token = label["url"].rpartition("/")[2]
    assert len(token) >= 22, "128 bits"
    assert (await client.get(page(token))).json()["machine"]["name"] == "Pump-2"
    typed = f"{label['short_code'][:4]}-{label['short_code'][4:].lower()}"
    assert (await client.get(page(typed))).status_code == 200, "a person types the short code"
    read = await client.get(f"/api/v1/machines/{ours.machine_a}/label", headers=ours.bearer("technician"))
    assert read.json() == label
    refused = await client.post(f"/api/v1/machines/{ours.machine}/label", headers=ours.bearer("technician"))
    assert refused.status_code == 403


async def test_a_report_becomes_an_order_with_photo_and_voice(client, ours):
    fields = report(symptom="leak", text="oil below the coupling", reporter="Li", device_time="2026-03-01T08:00:00Z")
    sent = await send_form(client, ours.label_token, fields, {"photo": JPEG, "voice": OGG})
    assert sent.status_code == 201, sent.text
    receipt = sent.json()
    assert receipt["merged"] is False
    assert receipt["status_url"] == f"http://plant.example/r/{fields['id']}"
    status = (await client.get(f"/api/v1/public/reports/{fields['id']}")).json()
    assert (status["ticket"], status["state"], status["order_state"]) == (receipt["ticket"], "CONVERTED", "NEW")
    (order,) = (await client.get("/api/v1/orders", headers=ours.bearer("planner"))).json()["items"]
    whole = (await client.get(f"/api/v1/orders/{order['id']}", headers=ours.bearer("planner"))).json()
    assert whole["source"] == "report"
    assert whole["request"]["text"] == "oil below the coupling"
    assert (await client.get(page(ours.label_token))).json()["open_report"]["ticket"] == receipt["ticket"]
    wanted = {"photo": ("image/jpeg", JPEG), "voice": ("audio/ogg", OGG)}
    assert {attachment["kind"] for attachment in whole["attachments"]} == set(wanted)
    for attachment in whole["attachments"]:
        got = await client.get(attachment["url"], headers=ours.bearer("technician"))
        content_type, content = wanted[attachment["kind"]]
        assert hashlib.sha256(got.content).digest() == hashlib.sha256(content).digest()
        assert got.headers["content-type"] == content_type, "not the text/html that the phone called it"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-disposition"].startswith("inline; filename=")
        assert "sandbox" in got.headers["content-security-policy"]


async def test_the_same_report_again_changes_nothing(client, ours):
    fields = report()
    first = await send_form(client, ours.label_token, fields, {"photo": JPEG})
    again = await send_form(client, ours.label_token, fields, {"photo": JPEG})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    orders = (await client.get("/api/v1/orders", headers=ours.bearer("planner"))).json()["items"]
    assert len(orders) == 1


async def test_a_second_report_joins_the_order(client, ours):
    first = (await send_form(client, ours.label_token, report())).json()
    second = (await send_form(client, ours.label_token, report(symptom="stopped"))).json()
    assert (second["merged"], second["ticket"]) == (True, first["ticket"])


async def test_twenty_people_report_one_fault_at_once(app, client, ours):
    async def report_from(address):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://plant.example") as phone:
            return await send_form(phone, ours.label_token, report())

    answers = await asyncio.gather(*(report_from(f"192.0.2.{n}") for n in range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["ticket"] for answer in answers}) == 1
    assert [answer.json()["merged"] for answer in answers].count(False) == 1
    orders = (await client.get("/api/v1/orders", headers=ours.bearer("planner"))).json()["items"]
    assert len(orders) == 1


async def test_a_report_id_of_another_tenant_is_not_taken_over(client, ours, theirs):
    fields = report()
    assert (await send_form(client, ours.label_token, fields)).status_code == 201
    stolen = await send_form(client, theirs.label_token, fields)
    assert stolen.status_code == 409


NOT_UNDERSTOOD = [
    ({"symptom": "boredom"}, {}, "body.symptom"),
    ({"id": "7"}, {}, "body.id"),
    ({"language": "tlh"}, {}, "body.language"),
    ({"device_time": "yesterday"}, {}, "body.device_time"),
    ({"text": "x" * 4001}, {}, "body.text"),
    ({"text": "a\x00b"}, {}, "body.text"),
    ({"priority": "critical"}, {}, "body.priority"),
    ({"photo": "no file"}, {}, "body.photo"),
    ({}, {"photo": b"<html><script>alert(1)</script>"}, "body.photo"),
    ({}, {"photo": OGG}, "body.photo"),
    ({}, {"voice": JPEG}, "body.voice"),
    ({}, {"symptom2": JPEG}, "body.symptom2"),
    ({}, {"photo": JPEG + bytes(4 << 20)}, "body.photo"),
]

async def test_a_report_that_is_not_understood_is_told_field_by_field(client, ours, app):
    for changes, files, field in NOT_UNDERSTOOD:
        app.state.api.limits.report.give_back("192.0.2.1")
        answer = await send_form(client, ours.label_token, report(**changes), files)
        assert answer.status_code == 422, answer.text
        assert field in answer.json()["fields"]
    orders = (await client.get("/api/v1/orders", headers=ours.bearer("planner"))).json()["items"]
    assert orders == []


NO_FORM = [
    ("multipart/form-data", b"", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nbroken", 422),
    ("multipart/form-data; boundary=x", b"--x--\r\n", 422),
    ("application/json", b"{}", 422),
    ("text/plain", b"hello", 422),
]

async def test_what_is_no_form_is_refused(client, ours):
    for content_type, body, status in NO_FORM:
        url = f"{page(ours.label_token)}/reports"
        answer = await client.post(url, content=body, headers={"content-type": content_type})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_ten_reports_a_minute_from_one_address(client, ours):
    answers = [await send_form(client, ours.label_token, report()) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 6


async def test_an_unknown_report_is_not_found(client, ours):
    assert (await client.get(f"/api/v1/public/reports/{uuid4()}")).status_code == 404
    assert (await client.get("/api/v1/public/reports/x")).status_code == 422


async def test_a_body_beyond_every_limit_is_not_read(client, ours):
    sent = 0

    async def endless():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        for _ in range(1000):
            sent += 1
            yield bytes(64 << 10)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await client.post(f"{page(ours.label_token)}/reports", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert sent < 150, "9 MiB are read at most"
    big = await client.post("/api/v1/session", content=b"x" * (65 << 10), headers={"content-type": "application/json"})
    assert big.status_code == 413
    assert big.headers["content-type"] == "application/problem+json"
