"""The schema under TimescaleDB's Community licence: on its build for WebAssembly, which Node.js runs in this folder.

The server of the other licence, as Debian has it, is test_timescale.py; a plain server is everywhere else.
"""

import base64
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from database import backend
from database.backend import Backend, Kind
from database.migrate import read_migrations
from ingest_service.storage.pack_format import COLUMNS, encode_packs
from ingest_service.storage.packs import pack
from tests.ingest_service.storage.stored import BEGIN_US, samples

HERE = Path(__file__).parent / "community"
ROOT = Path(__file__).resolve().parents[2]
WANTED = os.environ.get("LINEWRIGHT_TEST_COMMUNITY", "")  # set where it must not be skipped
N = 7200
VALUES = np.round(np.sin(np.arange(N) / 300) * 40, 1)

pytestmark = [pytest.mark.timescale, pytest.mark.long]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Node.js and a folder with the locked package."""
    loader = importlib.machinery.SourceFileLoader("build_web", str(ROOT / "scripts" / "build-web"))
    spec = importlib.util.spec_from_loader("build_web", loader)
    build_web = importlib.util.module_from_spec(spec)
    loader.exec_module(build_web)
    found = build_web.find_node()
    if found is None:
        complain("there is no Node.js")
    folder = tmp_path_factory.mktemp("community")
    for name in ("package.json", "pnpm-lock.yaml", ".npmrc", "server.mjs"):
        shutil.copy(HERE / name, folder)
    install = build_web.pnpm(found, "install", "--frozen-lockfile")
    environment = os.environ | {"CI": "1"}
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        complain(f"its package could not be installed: {(done.stdout + done.stderr)[-1000:]}")
    return found.node, folder


def complain(reason):
    if WANTED:
        pytest.fail(reason)
    pytest.skip(f"{reason}; LINEWRIGHT_TEST_COMMUNITY is not set")


@pytest.fixture(scope="module")
def told(node):
    """What the server says after the migrations, with one hot and two packed hours of one tag."""
    edition = Backend(Kind.TIMESCALE_COMMUNITY, "", "")
    stream = b"".join(bytes(part) for part in encode_packs(pack(packed_samples())))
    asked = {
        "migrations": [[one.name, one.text] for one in read_migrations(files("database") / "migrations", edition)],
        "copy": {
            "sql": f"COPY telemetry.pack ({', '.join(COLUMNS)}) FROM '/dev/blob' WITH (FORMAT binary)",
            "base64": base64.b64encode(stream).decode(),
        },
        "ask": list(QUESTIONS.values()),
    }
    program, folder = node
    command, question = [program, "server.mjs"], json.dumps(asked)
    done = subprocess.run(
        command, cwd=folder, input=question, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    return answers["applied"], dict(zip(QUESTIONS, answers["answers"], strict=True))


def packed_samples():
    return samples([1] * N, BEGIN_US + np.arange(N) * 1_000_000, VALUES)


BEGIN = f"timestamptz '2000-01-01Z' + {BEGIN_US} * interval '1 microsecond'"
UNTIL = f"{BEGIN} + interval '2 hours'"
AS_APP = "SET ROLE lw_app; SELECT set_config('app.tenant', (SELECT id FROM seen), false);"
QUESTIONS = {
    "facts": f"SELECT * FROM ({backend._FACTS}) AS told (server, timescale, licence)",
    "hypertable": "SELECT count(*)::int AS n FROM timescaledb_information.hypertables WHERE hypertable_name = 'sample'",
    "seed": """
        INSERT INTO registry.tenant (slug, name) VALUES ('demo', 'demo');
        INSERT INTO registry.site (tenant_id, slug, name) SELECT tenant_id, 'plant', 'plant' FROM registry.tenant;
        INSERT INTO registry.machine (tenant_id, site_id, slug, name)
          SELECT tenant_id, id, 'pump-1', 'pump 1' FROM registry.site;
        INSERT INTO registry.tag (tenant_id, machine_id, slug, name, kind)
          SELECT tenant_id, id, 'flow', 'flow', 'float' FROM registry.machine;
        CREATE TABLE public.seen AS SELECT tenant_id::text AS id FROM registry.tenant;
        GRANT SELECT ON public.seen TO lw_app;
        SELECT series_id FROM registry.tag""",
    "written": """
        SET ROLE lw_ingest;
        INSERT INTO telemetry.sample (time, value, series_id, arrived, quality)
          SELECT now() - n * interval '1 second', n, 1, extract(epoch FROM now())::bigint / 60, 0
          FROM generate_series(0, 9) n;
        SELECT telemetry.make_partitions() AS made; RESET ROLE; SELECT telemetry.summarize() AS pages""",
    "hot": f"{AS_APP} SELECT array_agg(value ORDER BY value) AS v"
    " FROM telemetry.samples('{1}', now() - interval '1 hour', now() + interval '1 hour')",
    "packed": f"SELECT array_agg(value ORDER BY time) AS v FROM telemetry.samples('{{1}}', {BEGIN}, {UNTIL})",
    "minutes": f"""
        SELECT array_agg(n ORDER BY t0) AS n, array_agg(low ORDER BY t0) AS low, array_agg(high ORDER BY t0) AS high
        FROM telemetry.rollups('{{1}}', {BEGIN}, {UNTIL}, 60)""",
    "hours": f"SELECT sum(n)::int AS n, max(high) AS high FROM telemetry.rollups('{{1}}', {BEGIN}, {UNTIL}, 3600)",
    "dropped": "RESET ROLE; SELECT telemetry.drop_packed() AS n",
}


def test_every_migration_runs_and_the_edition_is_told(told):
    applied, answers = told
    edition = Backend(Kind.TIMESCALE_COMMUNITY, "", "")
    assert applied == [one.name for one in read_migrations(files("database") / "migrations", edition)]
    (facts,) = answers["facts"]
    assert facts["timescale"]
    assert facts["licence"] == "timescale"  # what backend.detect calls Community
    assert answers["hypertable"] == [{"n": 1}]


def test_hot_rows_are_written_and_read_by_the_roles_that_do_so(told):
    _, answers = told
    assert answers["hot"] == [{"v": list(range(10))}]


def test_packs_are_read_back_to_the_bit(told):
    _, answers = told
    np.testing.assert_array_equal(answers["packed"][0]["v"], VALUES)


def test_rollups_are_those_of_the_samples(told):
    _, answers = told
    minutes = VALUES.reshape(-1, 60)
    (found,) = answers["minutes"]
    assert found["n"] == [60] * len(minutes)
    np.testing.assert_array_equal(found["low"], minutes.min(axis=1))
    np.testing.assert_array_equal(found["high"], minutes.max(axis=1))
    assert answers["hours"] == [{"n": N, "high": VALUES.max()}]
