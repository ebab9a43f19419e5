"""`linewright score` on files as they come."""

import csv
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from linewright.cli import app, main

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "score-your-own-export.md"
COLUMNS = ["time", "score", "alarm", "case_id", "kind", "priority", "top_columns"]


@pytest.fixture
def export(tmp_path):
    rng = np.random.default_rng(4)
    hidden = np.repeat(rng.normal(size=(900, 1)), 4, axis=1)
    values = hidden + rng.normal(size=(900, 4)) + 20
    values[600:700, 2] += 15
    lines = ["时间;压力;Flow L/min;温度;state"]
    for row, cells in enumerate(values):
        lines.append(f"2024-01-31 08:{row // 60:02}:{row % 60:02};" + ";".join(f"{cell:.4f}" for cell in cells))
    path = tmp_path / "pump.csv"
    path.write_bytes("\r\n".join(lines).encode("gb18030"))
    return path


def score(*words):
    return CliRunner().invoke(app, ["score", *map(str, words)])


def test_a_row_out_for_a_row_in(export, tmp_path):
    result = score(export, "--train-rows", 400, "--out", tmp_path / "scores.csv", "--picture", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((tmp_path / "scores.csv").open(encoding="utf-8")))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 900
    assert rows[0]["time"] == "2024-01-31 08:00:00"
    alarmed = [number for number, row in enumerate(rows) if row["alarm"] == "1"]
    assert 600 <= alarmed[0] < 615
    assert {row["kind"] for row in rows if row["alarm"] == "1"} == {"machine"}
    assert rows[alarmed[0]]["top_columns"].split(";")[0] == "温度"
    assert all(row["case_id"] == "" for row in rows if row["alarm"] == "0")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_limits_from_a_map_hold_from_the_first_row(export, tmp_path):
    told = tmp_path / "pump.toml"
    told.write_text('[tags."温度"]\nkind = "other"\nhigh_high = 10.0\n', encoding="utf-8")
    result = score(export, "--train-rows", 400, "--machine-map", told)
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert rows[0]["alarm"] == "1"
    assert rows[0]["priority"] == "critical"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("t,a,b\n1,2,3\nsoon,2,3\n", "--train-rows 1", "line 3, column 't': 'soon' is no time"),
        ("t,a,b\n1,2,3\n", "--train-rows 1 --machine-map none.toml", "none.toml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, text, options, words):
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text(text)
    monkeypatch.setattr("sys.argv", ["linewright", "score", "x.csv", *options.split()])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert words in capsys.readouterr().err


def test_the_samples_of_the_page_run(export, tmp_path, monkeypatch):
    page = HOW_TO.read_text(encoding="utf-8")
    samples = [line for line in page.splitlines() if line.startswith("linewright score ")]
    assert samples
    monkeypatch.chdir(tmp_path)
    Path("pump.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    export.write_text(
        export.read_bytes().decode("gb18030").replace("压力;Flow L/min;温度", "Pressure;Flow;Motor temperature")
    )
    for sample in samples:
        words = shlex.split(sample.split(" #")[0])[2:]
        result = score(*words)
        assert result.exit_code == 0, (sample, result.output, result.stderr)
