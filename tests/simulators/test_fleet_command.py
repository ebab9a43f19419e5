"""`linewright simulate fleet` as a person runs it."""

import asyncio
import json
import re
import sys

import pytest

from tests.simulators.fleet_parts import ROOT, ingest_process

SMALL = ("--gateways", "5", "--tags", "10", "--seconds", "2", "--scan-ms", "100", "--scans-in-batch", "5")


async def simulate_fleet(*arguments: str) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "linewright", "simulate", "fleet", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1, stderr=-1)
    told, complained = await process.communicate()
    return process.returncode, told.decode(), complained.decode()


async def test_it_registers_plays_and_accounts(broker, database):
    async with ingest_process(broker, database):
        code, told, complained = await simulate_fleet(
            *SMALL, "--port", str(broker.port), "--dsn", database.dsn("owner")
        )
    assert code == 0, complained
    report = json.loads(told)
    assert report["clean"]
    assert report["produced"] == report["stored"] == report["batches"] * 50 > 0
    assert report["missing"] == report["duplicated"] == report["wrong"] == report["open"] == 0
    assert report["tenant"].startswith("fleet-")


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [((), "--dsn"), (("--dsn", "host=/nowhere user=nobody"), "schema's owner"), (("--speed", "0"), "0.01")],
)
async def test_what_is_missing_is_named(arguments, way_out):
    code, told, complained = await simulate_fleet(*SMALL, *arguments)
    assert code == 2
    assert way_out in complained
    assert not told


async def test_every_option_of_the_page_exists():
    page = (ROOT / "docs" / "how-to" / "load-test.md").read_text()
    _, told, _ = await simulate_fleet("--help")
    asked = set(re.findall(r"--[a-z][a-z-]+", page))
    assert {"--gateways", "--speed"} < asked
    assert asked <= set(re.findall(r"--[a-z][a-z-]+", told))


async def test_a_role_that_may_not_register_is_told(broker, database):
    code, _, complained = await simulate_fleet(*SMALL, "--port", str(broker.port), "--dsn", database.dsn("lw_ingest"))
    assert code == 2
    assert "linewright migrate" in complained
