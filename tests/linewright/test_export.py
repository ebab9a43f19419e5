"""`linewright export`: the file is there when it is whole; what is not there is told with what there is."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linewright.cli import app
from linewright.export import BadTime, NotThere, UnknownResolution
from linewright.layout import Layout
from tests.ingest_service.history_parts import add_packs, truth

DAY = datetime(2026, 10, 1, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs/how-to/export-data.md"
SAMPLES = re.findall(r"^linewright export (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
PERIOD = ["--from", "2026-10-01", "--to", "2026-10-01T16:00+08:00"]


@pytest.fixture
def run(database, tenant, tmp_path):
    """A function that runs the command over the data folder of a box whose pump measures since midnight."""
    layout = Layout(tmp_path / "box")
    layout.make()
    layout.connections.write_text(json.dumps({"lw_worker": database.dsn("lw_worker")}))
    add_packs(database, truth(tenant.series["pump-1", "flow"], DAY, 1, range(40_000)))

    def invoke(*words):
        target = tmp_path / "out.csv"
        options = [*PERIOD, "--output", str(target), "--data", str(layout.root)]
        return CliRunner().invoke(app, ["export", *words, *options]), target

    return invoke


def test_a_range_is_written_whole_and_the_period_is_cut_to_the_second(run):
    result, target = run("pump-1", "--tag", "flow")
    assert result.exit_code == 0, result.exception
    lines = target.read_bytes().split(b"\r\n")
    assert len(lines) == 1 + 8 * 3600 + 1
    assert lines[-2].startswith(b"pump-1,flow,")
    assert b"2026-10-01T07:59:59.000Z,1790841599000,28799.0,,good,none" in lines[-2]
    assert result.output.strip() == f"{target}: {target.stat().st_size:,} bytes"


def test_steps_of_all_tags(run):
    result, target = run("pump-1", "--resolution", "hour", "--excel")
    assert result.exit_code == 0, result.exception
    assert target.read_text("utf-8-sig").count("\n") == 1 + 8


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (["pump-9"], NotThere, "no machine 'pump-9'; there are cnc-1"),
        (["pump-1", "--tag", "speed"], NotThere, "pump-1 has no tag 'speed'; it has "),
        (["pump-1", "--tenant", "nobody"], NotThere, "--tenant nobody: there are demo"),
        (["pump-1", "--resolution", "week"], UnknownResolution, "there are raw, minute, hour, day"),
        (["pump-1", "--from", "yesterday"], BadTime, "'yesterday' is no time"),
        (["pump-1", "--from", "2026-12-01"], BadTime, "before it begins"),
    ],
)
def test_what_is_not_there_is_told_and_leaves_no_file(run, words, error, told, monkeypatch):
    if "--from" in words:
        monkeypatch.setitem(globals(), "PERIOD", ["--to", "2026-10-02"])
    result, target = run(*words)
    assert isinstance(result.exception, error)
    assert told in str(result.exception)
    assert list(target.parent.glob("out*")) == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_of_the_page_do_what_they_say(sample, run, tmp_path, monkeypatch):
    if ".parquet" in sample:
        pytest.importorskip("pyarrow", reason="needs the extra `parquet`")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["export", *shlex.split(sample), "--data", str(tmp_path / "box")])
    assert result.exit_code == 0, result.exception
    assert (tmp_path / result.output.partition(":")[0]).stat().st_size > 500
