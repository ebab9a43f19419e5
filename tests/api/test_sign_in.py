"""Sessions: a person gets in, a guesser does not, and what is taken back is over."""

import asyncio
import hashlib
import time

import psycopg
import pytest

from tests.api.plants import PASSWORD, add_session


def login(who="ours-planner", password=PASSWORD):
    return {"login": who, "password": password}


async def test_a_person_signs_in_and_the_token_is_kept_as_a_hash_only(client, ours, database):
    answer = await client.post("/api/v1/session", json=login())
    assert answer.status_code == 200
    token = answer.json()["token"]
    assert answer.json()["person"]["roles"] == ["planner"]
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie, "the page is http here"
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        kept = {row[0] for row in conn.execute("SELECT token_sha256 FROM registry.session")}
    assert hashlib.sha256(token.encode()).digest() in kept
    assert len(token) >= 43, "256 bits in base64url"
    me = await client.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["person"]["login"] == "ours-planner"


async def test_the_cookie_is_secure_behind_https(settings, ours, app, client):
    object.__setattr__(settings, "public_url", "https://plant.example")
    answer = await client.post("/api/v1/session", json=login())
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("wrong", [login(password="quiet heron 43"), login("nobody-at-all")])
async def test_wrong_login_and_wrong_password_look_alike(client, ours, wrong):
    refused = await client.post("/api/v1/session", json=wrong)
    assert refused.status_code == 401
    assert refused.json()["detail"] == "login or password is wrong"
    assert refused.headers["content-type"] == "application/problem+json"


async def test_an_unknown_login_takes_as_long_as_a_wrong_password(client, ours):
    async def seconds(attempt):
        started = time.perf_counter()
        await client.post("/api/v1/session", json=attempt)
        return time.perf_counter() - started

    await seconds(login("warm-up"))
    wrong = min([await seconds(login(password=f"wrong {n}")) for n in range(4)])
    unknown = min([await seconds(login(f"unknown-{n}")) for n in range(4)])
    assert wrong > 0.015, "argon2 has run"
    assert 0.4 < unknown / wrong < 2.5


async def test_guessing_is_limited_per_login_and_tells_when_to_come_back(client, ours):
    answers = [await client.post("/api/v1/session", json=login(password=f"guess {n}")) for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    right = await client.post("/api/v1/session", json=login())
    assert right.status_code == 429, "not even the right password helps a guesser"
    other = await client.post("/api/v1/session", json=login("ours-admin"))
    assert other.status_code == 200, "another person is not kept out"


async def test_guessing_is_limited_per_address_over_many_logins(client, ours):
    answers = await asyncio.gather(
        *(client.post("/api/v1/session", json=login(f"spray-{n}", "x" * 12)) for n in range(21))
    )
    assert sorted(answer.status_code for answer in answers) == [401] * 20 + [429]


async def test_signing_in_rightly_uses_no_attempts_up(client, ours):
    for _ in range(8):
        assert (await client.post("/api/v1/session", json=login())).status_code == 200


async def test_an_ended_session_is_over(client, ours):
    headers = ours.bearer("planner")
    assert (await client.get("/api/v1/session", headers=headers)).status_code == 200
    assert (await client.delete("/api/v1/session", headers=headers)).status_code == 204
    after = await client.get("/api/v1/session", headers=headers)
    assert after.status_code == 401
    assert after.headers["www-authenticate"] == "Bearer"


async def test_an_expired_session_and_a_disabled_person_are_over(client, ours, database):
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        expired = add_session(conn, ours.tenant_id, ours.people["planner"], "-1 second")
        conn.execute("UPDATE registry.person SET disabled_at = now() WHERE id = %s", [ours.people["operator"]])
    for headers in ({"Authorization": f"Bearer {expired}"}, ours.bearer("operator")):
        assert (await client.get("/api/v1/session", headers=headers)).status_code == 401
    refused = await client.post("/api/v1/session", json=login("ours-operator"))
    assert refused.status_code == 401


async def test_sessions_that_are_over_do_not_pile_up(client, ours, theirs, database):
    with psycopg.connect(database.dsn("owner")) as conn:
        for plant in (ours, theirs):
            conn.execute("SELECT set_config('app.tenant', %s, true)", [str(plant.tenant_id)])
            add_session(conn, plant.tenant_id, plant.people["planner"], "-1 second")
    await client.post("/api/v1/session", json=login())
    with psycopg.connect(database.dsn("lw_app")) as conn:
        over = []
        for plant in (ours, theirs):
            conn.execute("SELECT set_config('app.tenant', %s, true)", [str(plant.tenant_id)])
            over += conn.execute("SELECT count(*) FROM registry.session WHERE expires_at < now()").fetchone()
    assert over == [0, 1]


async def test_language_stays_with_the_person(client, ours):
    changed = await client.patch("/api/v1/session", json={"language": "en"}, headers=ours.bearer("operator"))
    assert changed.json()["person"]["language"] == "en"
    me = await client.get("/api/v1/session", headers=ours.bearer("operator"))
    assert me.json()["person"]["language"] == "en"
    unknown = await client.patch("/api/v1/session", json={"language": "tlh"}, headers=ours.bearer("operator"))
    assert unknown.status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site", "origin": "http://plant.example"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://plant.example"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_cookie_counts_only_on_requests_of_our_own_pages(client, ours, headers, status):
    client.cookies.set("lw_session", ours.tokens["planner"])
    answer = await client.patch("/api/v1/session", json={"language": "en"}, headers=headers)
    assert answer.status_code == status
    assert (await client.get("/api/v1/session")).status_code == 200, "reading changes nothing"


async def test_a_bearer_token_needs_no_origin_and_another_site_cannot_sign_a_person_in(client, ours):
    client.cookies.set("lw_session", ours.tokens["planner"])
    bearer = await client.patch("/api/v1/session", json={"language": "en"}, headers=ours.bearer("operator"))
    assert bearer.json()["person"]["login"] == "ours-operator"
    foreign = await client.post("/api/v1/session", json=login(), headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    form = await client.post("/api/v1/session", data=login())
    assert form.status_code == 422, "a form of another page cannot be a login"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic eDp5", "Bearer \x7f", "Bearer " + "x" * 5000])
async def test_a_broken_authorization_is_no_session(client, ours, header):
    assert (await client.get("/api/v1/session", headers={"Authorization": header})).status_code == 401
