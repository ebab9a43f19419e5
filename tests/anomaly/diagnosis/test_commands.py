"""The commands do what the page about them says, read files as they come, and tell what is wrong with them."""

import csv
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from anomaly.diagnosis import BadHistory
from linewright.cli import app
from linewright.diagnose import NothingToCompare
from linewright.suggest import NothingToAsk, texts_of
from linewright.table_header import Unreadable
from tests.anomaly.diagnosis.plant_runs import FAULTS, TAGS, library, run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/how-to/diagnose.md").read_text("utf-8")
_SAMPLE = re.compile(r"<!-- sample: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
_RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def samples(tmp_path, monkeypatch):
    for name, text in _SAMPLE.findall(PAGE):
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*command):
    result = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=True)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_commands_of_the_page_run_and_answer_as_it_says(samples):
    first, many, table = _RUN.search(PAGE)[1].strip().splitlines()
    best = json.loads(said(*shlex.split(first)[1:]))["ranked"][0]
    assert best["label"] == "bearing"
    assert {source["kind"] for source in best["sources"]} == {"order", "words"}
    answers = [json.loads(line) for line in said(*shlex.split(many)[1:]).splitlines()]
    assert [answer["ranked"][0]["label"] for answer in answers] == ["seal", "supply", "unknown"]
    row = json.loads(said(*shlex.split(table)[1:]))["ranked"][0]
    assert row["label"] == "cooler_fouled"
    assert "冷却器" in row["sources"][0]["name"]


def test_history_and_class_answer_side_by_side(samples):
    both = json.loads(said("suggest", "pump seal leaking", "--history", "orders.csv", "--machine-class", "pump"))
    assert both["ranked"][0]["label"] == "seal"
    assert both["failure_modes"][0]["label"] == "seal_leak"
    assert both["failure_modes"][0]["sources"][0]["check"]


def test_chinese_names_of_columns_and_gb18030(samples):
    text = (samples / "orders.csv").read_text("utf-8").replace("time,machine,text,label", "时间,设备,故障描述,故障模式")
    (samples / "cn.csv").write_bytes(text.encode("gb18030"))
    assert json.loads(said("suggest", "密封漏水", "--history", "cn.csv"))["ranked"][0]["label"] == "seal"


def test_labels_that_are_numbers_stay_texts(samples):
    text = (samples / "orders.csv").read_text("utf-8")
    for at, label in enumerate(("seal", "bearing", "supply")):
        text = re.sub(rf",{label}$", f",{at:02d}", text, flags=re.MULTILINE)
    (samples / "numbers.csv").write_text(text, "utf-8")
    assert json.loads(said("suggest", "seal leaks", "--history", "numbers.csv"))["ranked"][0]["label"] == "00"


def test_texts_may_be_lines_or_a_column(tmp_path):
    table, lines, column = tmp_path / "t.csv", tmp_path / "t.txt", tmp_path / "c.csv"
    table.write_text('id,text\n1,"leak, left"\n2,noise\n', "utf-8")
    lines.write_text("leak, left\nnoise\n", "utf-8")
    column.write_text("text\nleak, left\nnoise\n", "utf-8")
    assert texts_of(table) == texts_of(lines) == texts_of(column) == ["leak, left", "noise"]


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        (["suggest", "leak"], NothingToAsk, "--history ORDERS.csv"),
        (["suggest"], NothingToAsk, "--file TEXTS"),
        (
            ["suggest", "x", "--machine-class", "rocket"],
            NothingToAsk,
            "no machine class 'rocket'; there are compressor",
        ),
        (["suggest", "x", "--history", "absent.csv"], Unreadable, "absent.csv: No such file"),
        (["suggest", "x", "--history", "bad.csv"], BadHistory, "no column 'text'.*there are a, b"),
        (["diagnose", "bad.csv", "--train-rows", "10"], NothingToCompare, "--history LIBRARY.csv"),
    ],
)
def test_mistakes_are_told(samples, words, kind, told):
    (samples / "bad.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(kind, match=told):
        said(*words)


def write_library(path, tags, scale):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["episode", "label", "time", *tags])
        for name, label, values in library():
            rows.writerows([name, label, at, *row] for at, row in enumerate((values * scale).tolist()))


def write_file(path, tags, values):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", *tags])
        rows.writerows([at, *row] for at, row in enumerate(values.tolist()))


def test_a_measured_fault_is_found_with_columns_in_another_order(tmp_path):
    tags, scale = [f"x{at}" for at in range(len(TAGS))], np.geomspace(1e-3, 1e4, len(TAGS))
    write_library(tmp_path / "known.csv", tags, scale)
    order = np.random.default_rng(0).permutation(len(TAGS))
    found = []
    for at, fault in enumerate(FAULTS):
        rows = run(500, 70 + at, fault, 350) * scale
        write_file(tmp_path / "file.csv", [tags[place] for place in order], rows[:, order])
        known, image = tmp_path / "known.csv", tmp_path / "why.png"
        command = ("diagnose", tmp_path / "file.csv", "--train-rows", 300, "--history", known)
        answer = json.loads(said(*command, *(("--picture", image) if at == 0 else ())))
        found.append(answer["ranked"][0]["label"])
    assert sum(label == fault for label, fault in zip(found, FAULTS, strict=True)) >= 5
    assert image.read_bytes().startswith(b"\x89PNG")
    assert answer["fault_rows"]["from"] == str(answer["fault_rows"]["first"])


def test_an_empty_column_and_a_garbled_value_do_no_harm(tmp_path):
    write_library(tmp_path / "known.csv", TAGS, 1.0)
    rows = run(500, 77, "shift_p", 350)
    rows[:, 4] = np.nan
    rows[420, 0] = 1e9
    write_file(tmp_path / "file.csv", TAGS, rows)
    answer = json.loads(
        said("diagnose", tmp_path / "file.csv", "--train-rows", 300, "--history", tmp_path / "known.csv")
    )
    assert answer["ranked"][0]["label"] == "shift_p"


def test_a_class_answers_from_the_names_of_tags(tmp_path):
    tags = ["discharge_pressure", "suction_pressure", "flow", "motor current", "bearing temp", "vib 1x"]
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 6)) + 50
    rows[300:, [1, 2]] -= 8
    rows[300:, 0] -= 3
    rows[300:, 3] -= 5
    write_file(tmp_path / "pump.csv", tags, rows)
    answer = json.loads(said("diagnose", tmp_path / "pump.csv", "--train-rows", 250, "--machine-class", "pump"))
    assert answer["ranked"][0]["label"] == "suction_blocked"
    signs = answer["ranked"][0]["sources"][0]["signs"]
    assert any(sign["shown_by"].startswith("suction_pressure") for sign in signs)


def test_a_file_without_shared_columns_is_refused(tmp_path):
    write_library(tmp_path / "known.csv", TAGS, 1.0)
    write_file(tmp_path / "file.csv", ["a", "b"], np.zeros((50, 2)))
    with pytest.raises(BadHistory, match="no column in common"):
        said("diagnose", tmp_path / "file.csv", "--train-rows", 20, "--history", tmp_path / "known.csv")


def test_the_page_of_failure_modes_is_up_to_date():
    subprocess.run([sys.executable, ROOT / "scripts/failure-modes-page", "--check"], check=True)


def test_nothing_heavy_is_imported():
    rooms = "anomaly.diagnosis.suggest, anomaly.diagnosis.diagnose, anomaly.diagnosis.library"
    code = f"import sys, {rooms}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert not {"sklearn", "pandas", "matplotlib", "psycopg", "pydantic"} & set(loaded.stdout.split())
