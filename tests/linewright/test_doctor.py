"""What the doctor tells of the box and how: nothing hangs, nothing throws, everything fits into a terminal."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from linewright import doctor
from linewright.examination import box, page
from linewright.examination.finding import Check, Finding, blocking, examine, failed
from linewright.examination.meaning import meaning
from linewright.layout import Layout
from protocols.sample import Reason
from runtime.clock import ClockState

LONG = Finding(
    "device compressor-1",
    "fail",
    "192.168.10.21:502 unit 1: oil_temperature: it has no such address (exception 2), and more is told of it here",
    "look around: `linewright probe modbus://192.168.10.21/1/holding:100`, then correct the address",
)


async def findings(*checks):
    return [finding async for finding in examine(checks)]


async def test_a_check_that_throws_or_hangs_is_itself_a_finding_and_hides_no_other():
    async def hangs():
        await asyncio.sleep(3600)

    def throws():
        raise KeyError("gone")

    def sleeps():
        time.sleep(0.5)  # in a thread nobody can stop
        yield Finding("late", "ok")

    found = await findings(
        Check("hangs", hangs, 0.05),
        blocking("throws", throws),
        blocking("sleeps", sleeps)._replace(within_s=0.05),
        blocking("well", lambda: [Finding("well", "ok")]),
    )
    assert [(finding.what, finding.state) for finding in found] == [
        ("hangs", "fail"),
        ("throws", "fail"),
        ("sleeps", "fail"),
        ("well", "ok"),
    ]
    assert "KeyError: 'gone'" in found[1].told
    assert all(finding.way_out for finding in found[:3])


def test_a_finding_is_aligned_within_the_terminal_and_a_command_stays_whole():
    lines = page.lines(LONG, 100)
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].startswith("  FAIL  device compressor-1 192.168.10.21:502")
    assert {len(line) - len(line.lstrip()) for line in lines[1:]} == {28, 30}
    assert any("`linewright probe modbus://192.168.10.21/1/holding:100`" in line for line in lines)


def test_the_way_out_is_told_only_where_one_is_needed():
    well = Finding("clock", "ok", "synchronised", "never mind")
    assert page.lines(well, 100) == ["  ok    clock               synchronised"]


def test_json_and_the_last_line_count_what_must_be_done():
    told = json.loads(page.as_json({"box": [LONG, Finding("clock", "warn")]}))
    assert told["well"] is False
    assert told["findings"][0]["section"] == "box"
    assert page.summary([LONG, Finding("clock", "warn")]) == "1 to mend, 1 to know, 0 well"
    assert page.summary([Finding("clock", "warn")]) == "nothing must be done: 0 well, 1 to know"


@pytest.mark.parametrize(
    ("text", "told", "way_out"),
    [
        ("h:502 cannot be opened: refused; check address", "h:502 cannot be opened: refused", "check address"),
        ("'x' is not trusted. Compare 1.5; then accept", "'x' is not trusted", "Compare 1.5; then accept"),
        ("only told", "only told", ""),
    ],
)
def test_an_error_text_is_cut_where_its_way_out_begins(text, told, way_out):
    assert failed("device", text) == Finding("device", "fail", told, way_out)


def test_every_reason_that_a_read_can_have_has_a_meaning():
    words = [reason.name.lower() for reason in Reason if reason is not Reason.NONE] + ["exception_9", "not_read_yet"]
    for protocol in ("modbus", "opcua"):
        assert all(meaning(protocol, word).told and meaning(protocol, word).way_out for word in words)


@pytest.mark.parametrize(
    ("state", "now_s", "verdict"),
    [
        (ClockState.SYNCED, time.time(), "ok"),
        (ClockState.UNSYNCED, time.time(), "warn"),
        (ClockState.UNKNOWN, time.time(), "warn"),
        (ClockState.SYNCED, 1_000_000_000, "fail"),
    ],
    ids=["synced", "unsynced", "unknown", "in 2001"],
)
def test_clock(monkeypatch, state, now_s, verdict):
    monkeypatch.setattr(box, "clock_state", lambda: state)
    monkeypatch.setattr(box.time, "time", lambda: now_s)
    (finding,) = box.clock()
    assert finding.state == verdict


async def test_a_server_is_looked_at_as_before(tmp_path, database, capsys, monkeypatch):
    layout = Layout(tmp_path)
    layout.make()
    layout.connections.write_text(json.dumps({"owner": database.dsn("owner")}))
    layout.connections.chmod(0o644)
    await doctor.diagnose(tmp_path, None, as_json=True)
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert found["database"]["state"] == "ok"
    assert found["secrets"]["state"] == "fail"
    assert f"chmod 600 {layout.connections}" in found["secrets"]["way_out"]
    monkeypatch.setenv("LINEWRIGHT_DATABASE__DSN", "postgresql://nobody@127.0.0.1:1/none")
    assert not await doctor.diagnose(tmp_path, None)
    assert "to mend" in capsys.readouterr().out


def test_on_a_floor_box_nothing_is_said_of_a_server(tmp_path, monkeypatch):
    monkeypatch.delenv("LINEWRIGHT_DATABASE__DSN", raising=False)
    config = Path("deploy/samples/gateway.toml")
    own, gateway = doctor.sections(Layout(tmp_path), Path(__file__).parents[2] / config)
    assert [check.what for check in own.checks] == ["clock"]
    assert [check.what for check in gateway.checks][:4] == ["configuration", "running", "broker", "spool"]


def test_a_missing_and_a_wrong_configuration(tmp_path):
    async def of(path):
        _, gateway = doctor.sections(Layout(tmp_path), path)
        return await findings(*gateway.checks)

    (missing,) = asyncio.run(of(tmp_path / "nowhere.toml"))
    assert (missing.state, "cannot be read" in missing.told) == ("fail", True)
    sample = (Path(__file__).parents[2] / "deploy/samples/gateway.toml").read_text()
    wrong = tmp_path / "gateway.toml"
    wrong.write_text(sample.replace('unit = "kWh"', 'unti = "kWh"'))
    (misfit,) = asyncio.run(of(wrong))
    assert misfit.state == "fail"
    line = sample[: sample.index('unit = "kWh"')].count("\n") + 1
    assert misfit.told == f"line {line}: devices.0.tags.1.unti: unknown setting, did you mean `unit`?"
    wrong.write_text(sample[: sample.index("[[devices]]")])
    (none,) = asyncio.run(of(wrong))
    assert (none.state, none.told) == ("warn", "no device yet")
