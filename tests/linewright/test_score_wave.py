"""`linewright score-wave` as a person types it: answers, pictures, and one plain line for everything that is wrong."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from linewright import cli
from simulators.bearing_signals import Scene, record

PAGE = (Path(__file__).parents[2] / "docs/how-to/score-a-vibration-recording.md").read_text(encoding="utf-8")
BEARING = "n=9,d=7.94,D=39.04,angle=0"


@pytest.fixture
def wave():
    return record(Scene("inner race", severity=0.8), np.random.default_rng(1))


@pytest.fixture
def call(monkeypatch, capsys):
    """Exit code, standard output, standard error of the command."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["linewright", "score-wave", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    return run


def asked(path, **changes):
    options = {"rate": 12000, "rpm": 1797, "bearing": BEARING} | changes
    return [path, *(word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value))]


def test_every_form_of_file_says_the_same(tmp_path, wave, call):
    np.save(tmp_path / "a.npy", wave)
    np.save(tmp_path / "column.npy", wave[:, None])
    np.save(tmp_path / "row.npy", wave[None, :])
    np.savez(tmp_path / "a.npz", wave=wave, rpm=1797)
    np.savez(tmp_path / "two.npz", de=wave, fe=wave[::-1])
    np.savetxt(tmp_path / "a.csv", wave, header="acceleration", comments="")
    np.savetxt(tmp_path / "bare.csv", wave)
    (tmp_path / "bom.csv").write_text("\ufeff加速度\n" + "\n".join(map(repr, wave.tolist())), encoding="utf-8")
    (tmp_path / "two.csv").write_text(
        "t;de\n" + "".join(f"{at / 12000};{one!r}\n" for at, one in enumerate(wave.tolist()))
    )
    answers = []
    for name in ("a.npy", "column.npy", "row.npy", "a.npz", "a.csv", "bare.csv", "bom.csv"):
        code, out, _ = call(*asked(tmp_path / name))
        assert code == 0, name
        answers.append(json.loads(out))
    answers += [json.loads(call(*asked(tmp_path / name, column="de"))[1]) for name in ("two.npz", "two.csv")]
    assert answers[0]["fault"] == "inner race"
    assert set(answers[0]) == {"fault", "confidence", "reason", "features"}
    for answer in answers[1:]:
        assert answer["fault"] == "inner race"
        assert answer["confidence"] == pytest.approx(answers[0]["confidence"], abs=1e-3)


def test_a_picture_a_tacho_and_a_severity_on_request(tmp_path, wave, call):
    np.save(tmp_path / "a.npy", wave)
    np.save(tmp_path / "pulses.npy", np.arange(60) * 60 / 1797)
    extra = {"picture": tmp_path / "a.svg", "unit": "m/s2", "tacho": tmp_path / "pulses.npy"}
    code, out, err = call(*asked(tmp_path / "a.npy", **extra))
    assert code == 0
    assert "reading and scoring" in err
    answer = json.loads(out)
    assert answer["fault"] == "inner race"
    assert answer["features"]["severity"]["zone"] == "A"
    assert b"inner race" in (tmp_path / "a.svg").read_bytes()
    own = tmp_path / "own.toml"
    own.write_text('[spindle]\ntitle = "mill"\na_b_mm_s = 0.001\nb_c_mm_s = 0.002\nc_d_mm_s = 0.003\n')
    out = call(*asked(tmp_path / "a.npy", unit="g", machine_class="spindle", machine_classes=own))[1]
    assert json.loads(out)["features"]["severity"]["zone"] == "D"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate": 0}, "sampling rate"),
        ({"rate": -12000}, "sampling rate"),
        ({"rate": 120}, "check rate, rpm and bearing"),
        ({"rate": 1200000}, "is the rate"),
        ({"rpm": 0}, "rpm cannot be"),
        ({"rpm": -50}, "rpm cannot be"),
        ({"rpm": "nan"}, "rpm cannot be"),
        ({"rpm": 10}, "at least 12 are needed"),
        ({"bearing": "SKF 6205"}, "write n=9"),
        ({"bearing": "n=9,d=39.04,D=7.94"}, "smaller than the circle"),
        ({"unit": "volt"}, "write one of"),
        ({"unit": "g", "machine_class": "boat"}, "there are large-flexible"),
        ({"unit": "g", "machine_classes": "/nowhere/own.toml"}, "No such file"),
        ({"picture": "a.jpg"}, "end the name in .png or .svg"),
        ({"picture": "/nowhere/a.png"}, "there is no folder"),
        ({"tacho": "/nowhere/t.npy"}, "no such file"),
        ({"column": "x", "rpm": 0}, "rpm cannot be"),
    ],
)
def test_wrong_options_are_told_in_one_line(tmp_path, wave, call, changes, says):
    np.save(tmp_path / "a.npy", wave)
    code, out, err = call(*asked(tmp_path / "a.npy", **changes))
    assert code == 2
    assert says in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.npy", None, "no such file"),
        ("cut.npy", b"\x93NUMPY\x01\x00", "cannot be read as a numpy file"),
        ("cut.npz", b"PK\x03\x04", "cannot be read as a numpy file"),
        ("empty.csv", b"", "empty"),
        ("words.csv", b"a\nhello\nworld\n", "holds no numbers"),
        ("hole.csv", b"a\n" + b"1\n2\n" * 400 + b"nan\n", "NaN or infinite, the first is number 801"),
        ("short.csv", b"a\n1\n2\n", "too few"),
        ("flat.csv", b"a\n" + b"1\n" * 5000, "all samples are the same"),
        ("two.csv", b"a,b\n" + b"1,2\n" * 5000, "name one with --column, there are a, b"),
        ("ragged.csv", b"a,b\n1,2\n1\n", "line 3"),
    ],
)
def test_wrong_files_are_told_in_one_line(tmp_path, call, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = call(*asked(tmp_path / name))
    assert code == 2
    assert says in err
    assert "Traceback" not in err
    assert out == ""


def test_objects_are_not_unpickled(tmp_path, call):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}] * 600), allow_pickle=True)
    code, _, err = call(*asked(tmp_path / "a.npy"))
    assert code == 2
    assert "cannot be read as a numpy file" in err


def test_the_page_says_what_happens(tmp_path, monkeypatch, capsys, call):
    monkeypatch.chdir(tmp_path)
    blocks = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("python", "sh", "json")}
    exec(blocks["python"][0], {})
    code, out, _ = call(*shlex.split(blocks["sh"][0])[2:])
    assert code == 0
    answer, shown = json.loads(out), json.loads(blocks["json"][0])
    features = shown.pop("features")
    assert {key: answer[key] for key in shown} == shown
    assert {key: answer["features"][key] for key in features} == features
    assert (tmp_path / "pump.svg").is_file()
    exec(blocks["python"][1], {})
    assert capsys.readouterr().out.strip() == re.findall(r"# (\d+)\n", blocks["python"][1])[0]
