"""`linewright rul`: from CSV files to forecasts, and the errors that a person can mend."""

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.analytics.wear import COLUMNS
from linewright import cli
from tests.life.parts import fleet

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "remaining-life.md"


def write(path, histories, names=COLUMNS, delimiter=",", when=str):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["unit", "time", *names])
        for one in histories:
            writer.writerows([one.unit, when(time), *row] for time, row in zip(one.time, one.value, strict=True))
    return path


def call(monkeypatch, *words):
    """The exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["linewright", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rul")
    write(folder / "failed.csv", fleet(6))
    write(folder / "running.csv", [one.until(len(one) // 2) for one in fleet(3, seed=2)])
    return folder


@pytest.fixture
def model(folder, monkeypatch):
    if not (folder / "m").exists():
        assert call(monkeypatch, "rul", "train", folder / "failed.csv", "--model", folder / "m") == 0
    return folder / "m"


def test_from_files_to_forecasts_and_a_picture(folder, model, monkeypatch, capsys):
    code = call(
        monkeypatch, "rul", "predict", folder / "running.csv", "--model", model, "--out", folder / "rul.csv",
        "--picture", folder / "rul.png",
    )  # fmt: skip
    assert code == 0
    with (folder / "rul.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["unit"] for row in rows] == ["bearing-1", "bearing-2", "bearing-3"]
    assert all(0 <= float(row["lower"]) <= float(row["rul"]) <= float(row["upper"]) for row in rows)
    assert all(row["reason"] and row["unfamiliar"] in "01" for row in rows)
    assert (folder / "rul.png").read_bytes().startswith(b"\x89PNG")


def test_the_card_is_printed(folder, monkeypatch, capsys):
    assert call(monkeypatch, "rul", "train", folder / "failed.csv", "--model", folder / "m2") == 0
    assert '"units": 6' in capsys.readouterr().out


def test_columns_in_another_order_and_another_delimiter(folder, model, monkeypatch, capsys):
    units = [one.until(60) for one in fleet(1, seed=2)]
    call(monkeypatch, "rul", "predict", write(folder / "a.csv", units), "--model", model)
    plain = capsys.readouterr().out
    turned = [type(one)(one.unit, one.time, one.value[:, ::-1]) for one in units]
    call(monkeypatch, "rul", "predict", write(folder / "b.csv", turned, COLUMNS[::-1], ";"), "--model", model)
    assert capsys.readouterr().out == plain


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("unit,time,flow\n1,1,2\n1,2,3\n", "x.csv: columns that the model was trained on are missing: head, power"),
        ("machine,time,flow\n1,1,2\n", "no column 'unit'"),
        ("unit,moment,flow\n1,1,2\n", "no column 'time'"),
        ("unit,time,flow\n", "no rows"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(folder, model, monkeypatch, capsys, content, says):
    (folder / "x.csv").write_text(content)
    assert call(monkeypatch, "rul", "predict", folder / "x.csv", "--model", model) == 2
    assert says in capsys.readouterr().err


def test_a_file_that_is_no_model(folder, monkeypatch, capsys):
    code = call(monkeypatch, "rul", "predict", folder / "running.csv", "--model", folder / "running.csv")
    assert code == 2
    assert "not a model of remaining life" in capsys.readouterr().err


def test_too_few_units(folder, monkeypatch, capsys):
    code = call(monkeypatch, "rul", "train", write(folder / "two.csv", fleet(2)), "--model", folder / "none")
    assert code == 2
    assert "two.csv: 2 units that ran to failure: at least 3" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_the_samples_of_the_page_run(folder, monkeypatch, capsys):
    page = HOW_TO.read_text(encoding="utf-8")
    commands = [line for line in page.splitlines() if line.startswith("linewright rul ")]
    assert len(commands) == 3
    monkeypatch.chdir(folder)
    for line in commands:
        assert call(monkeypatch, *line.split()[1:]) == 0, line
    python = page.split("```python\n")[1].split("```")[0]
    exec(python, {})
    assert "4 failures among 5 lives" in capsys.readouterr().out


def test_dates_are_told_in_hours_and_not_mixed_with_numbers(folder, model, monkeypatch, capsys):
    def when(time):
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=time)).isoformat()

    units = [one.until(60) for one in fleet(1, seed=2)]
    dated, plain = write(folder / "d.csv", units, when=when), write(folder / "n.csv", units)
    assert call(monkeypatch, "rul", "predict", dated, "--model", model) == 2
    assert "times count hours" in capsys.readouterr().err
    write(folder / "failed-dated.csv", fleet(6), when=when)
    assert call(monkeypatch, "rul", "train", folder / "failed-dated.csv", "--model", folder / "dm") == 0
    call(monkeypatch, "rul", "predict", plain, "--model", model)
    by_number = capsys.readouterr().out.splitlines()[-1]
    call(monkeypatch, "rul", "predict", dated, "--model", folder / "dm")
    assert capsys.readouterr().out.splitlines()[-1] == by_number
