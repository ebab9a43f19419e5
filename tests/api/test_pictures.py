"""The picture of an alarm's evidence over HTTP: for ever, under its hash, and without the samples."""

import json

import psycopg
import pytest

from anomaly import evidence
from anomaly.records import Case, Shown, Tag


@pytest.fixture
def frozen(database, ours):
    """Evidence of two minutes; no sample of it was ever stored."""
    shown = Shown(
        Tag(1, "vibration", "主轴振动", "mm/s", "float"), {"high": 4.5}, 2.0, [0, 60_000, 120_000], [2.0, 3.0, 5.0]
    )
    text = evidence.freeze(
        "pump-1", Case("bearing_wear", "limit", "high", 60 * 10**9, 1.2, (("vibration", 1.0),)), "v", [shown]
    )
    with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
        conn.execute(
            "UPDATE alarm.evidence SET snapshot = %s, sha256 = %s WHERE alarm_id = %s",
            [text, evidence.digest(text), ours.alarm],
        )
    return evidence.digest(text).hex()


@pytest.mark.parametrize(
    ("form", "media", "begin"), [("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<?xml")]
)
async def test_it_is_drawn_once_and_kept_for_ever(client, ours, frozen, form, media, begin):
    path = f"/api/v1/alarms/{ours.alarm}/picture"
    answer = await client.get(path, params={"format": form}, headers=ours.bearer("vendor"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.content.startswith(begin)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert frozen in answer.headers["etag"]
    assert "sandbox" in answer.headers["content-security-policy"]
    again = ours.bearer("vendor") | {"If-None-Match": answer.headers["etag"]}
    same = await client.get(path, params={"format": form}, headers=again)
    assert (same.status_code, same.content) == (304, b"")


async def test_what_was_changed_is_not_drawn(client, ours, frozen, database):
    with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
        conn.execute("UPDATE alarm.evidence SET snapshot = replace(snapshot, '4.5', '9.5')")
    answer = await client.get(f"/api/v1/alarms/{ours.alarm}/picture", headers=ours.bearer("planner"))
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:linewright:problem:damaged")
    assert json.loads(answer.text)["detail"] == "the snapshot is not the text that was hashed"


async def test_an_unknown_format_is_told(client, ours):
    answer = await client.get(
        f"/api/v1/alarms/{ours.alarm}/picture", params={"format": "bmp"}, headers=ours.bearer("planner")
    )
    assert answer.status_code == 422
