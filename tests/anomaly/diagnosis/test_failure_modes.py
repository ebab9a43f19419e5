"""The table of failure modes is whole in both languages, its loader names every mistake, noisy-OR weighs it."""

import re
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from anomaly.diagnosis import UNKNOWN, BadLibrary
from anomaly.diagnosis.advice import Seen, advise
from anomaly.diagnosis.library import CLASSES, built_in, read_library, terms_of
from anomaly.diagnosis.noisy_or import explain
from anomaly.diagnosis.tag_signs import kind_of, tag_signs
from anomaly.diagnosis.told_signs import told_signs
from maintenance.symptoms import BY_MACHINE_CLASS

LIBRARY = built_in()
FOLDER = Path(str(resources.files("anomaly.diagnosis") / "library"))
MODES = list(LIBRARY.modes())


def test_every_class_has_rows_enough_and_every_reporter_class_is_there():
    assert all(len(machine_class.modes) >= 10 for machine_class in LIBRARY.classes.values())
    reported = set(BY_MACHINE_CLASS) - {"other"}
    assert {"press": "moulding_press"}.get("press") in LIBRARY.classes
    assert reported - {"press"} <= set(LIBRARY.classes)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode.machine_class}-{mode.id}")
def test_a_row_is_whole(mode):
    assert len(mode.signs) >= 4
    assert max(mode.signs.values()) >= 0.6
    assert any(":" in sign for sign in mode.signs)
    assert any(":" not in sign for sign in mode.signs)
    assert mode.sources
    for words in (mode.name, mode.check, mode.action):
        assert re.search("[a-z]", words.en)
        assert not re.search("[\u4e00-\u9fff]", words.en)
        assert re.search("[\u4e00-\u9fff]", words.zh)
    assert mode.check.en != mode.action.en


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode.machine_class}-{mode.id}")
def test_a_row_is_found_by_its_own_signs(mode):
    strong = sorted(mode.signs, key=lambda sign: -mode.signs[sign])[:4]
    seen = {sign: Seen(0.95, "test") for sign in strong}
    assert mode.id in [place.label for place in advise(LIBRARY, mode.machine_class, seen).ranked[:3]]


def test_every_work_and_symptom_and_kind_is_used():
    used = {sign.partition(":")[0] for mode in MODES for sign in mode.signs}
    assert set(LIBRARY.works) == {work for mode in MODES for work in mode.sources}
    assert set(LIBRARY.kinds) <= used
    assert set(LIBRARY.symptoms) - used <= {"no_stop", "service"}


MISTAKES = {
    "unknown sign": ('"suction_pressure:down" = 0.7', '"sucktion_pressure:down" = 0.7', "suction_pressure"),
    "direction": ('"suction_pressure:down" = 0.7', '"suction_pressure:below" = 0.7', "unknown 'below'"),
    "weight": ("noise = 0.8", "noise = 80", "noise = 80 is no number from 0.01 to 0.99"),
    "code": ('iso = "LOO"', 'iso = "LOW"', "unknown 'LOW', did you mean 'LOO'?"),
    "source": ('"karassik"]', '"karasik"]', "did you mean 'karassik'?"),
    "field": ("check_zh", "check_cn", "check_zh: is missing"),
    "extra": ('prior = "common"', 'prior = "common"\nprio = 1', "prio: means nothing here, did you mean 'prior'?"),
    "language": ('zh = "汽蚀"', 'zh = "cavitation"', "has no Chinese in it"),
    "twice": ('id = "suction_blocked"', 'id = "cavitation"', "is already another row"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_file_line_row_and_field(tmp_path, mistake):
    before, after, told = MISTAKES[mistake]
    shutil.copytree(FOLDER, tmp_path / "library")
    pump = tmp_path / "library/pump.toml"
    assert before in pump.read_text("utf-8")
    pump.write_text(pump.read_text("utf-8").replace(before, after, 1), "utf-8")
    with pytest.raises(
        BadLibrary, match=rf"pump\.toml:\d+: mode\.\d+ \(\w+\): \w+: .*{re.escape(told.split(': ')[-1])}"
    ):
        read_library(tmp_path / "library")


def test_a_missing_or_broken_file_is_told(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "library")
    (tmp_path / "library/fan.toml").write_text("[[mode]", "utf-8")
    with pytest.raises(BadLibrary, match=r"fan\.toml: no TOML"):
        read_library(tmp_path / "library")
    (tmp_path / "library/fan.toml").unlink()
    with pytest.raises(BadLibrary, match=r"fan\.toml"):
        read_library(tmp_path / "library")
    assert read_library(tmp_path / "library", tuple(name for name in CLASSES if name != "fan")).classes


def test_a_sign_that_was_looked_for_and_is_absent_counts_against():
    modes = LIBRARY.classes["pump"].modes
    at = [mode.id for mode in modes].index("bearing_damage")
    present = explain(modes, {"noise": 1.0, "vibration_bearing:up": 1.0}, {}).probability[at]
    unlooked = explain(modes, {"noise": 1.0}, {}).probability[at]
    absent = explain(modes, {"noise": 1.0, "vibration_bearing:up": 0.0}, {}).probability[at]
    assert present > unlooked > absent


def test_probabilities_add_up_and_strange_signs_are_something_else():
    found = explain(LIBRARY.classes["motor"].modes, {"water:up": 1.0, "position:up": 1.0, "blocked": 1.0}, {})
    assert sum(found.probability) + found.other == pytest.approx(1)
    assert found.other > 0.5


def test_no_sign_is_unknown():
    assert advise(LIBRARY, "pump", {"pressure:down": Seen(0.02, "p1")}).ranked[0].label == UNKNOWN


@pytest.mark.parametrize(
    ("machine_class", "text", "mode"),
    [
        ("pump", "机械密封漏水", "seal_leak"),
        ("pump", "rattling noise, suction pressure low, flow fluctuating", "cavitation"),
        ("compressor", "排气温度高，散热器脏", "cooler_fouled"),
        ("compressor", "油位低，油分芯回油管堵，润滑油消耗大", "separator_torn"),
        ("motor", "电机三相电流不平衡，跳闸", "phase_loss"),
        ("fan", "belt squealing and slipping, burning smell", "belt_slip"),
        ("gearbox", "齿轮箱漏油，油位下降", "seal_leak"),
        ("spindle", "主轴异响，轴承温度高", "bearing_wear"),
        ("moulding_press", "液压油温过高报警", "oil_hot"),
    ],
)
def test_a_report_in_either_language_finds_its_row(machine_class, text, mode):
    seen = {sign: Seen(1.0, words) for sign, words in told_signs(text, terms_of(LIBRARY), LIBRARY).items()}
    assert mode in [place.label for place in advise(LIBRARY, machine_class, seen, "zh").ranked[:3]]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("oil_temperature_c", "oil_temperature"),
        ("排气压力", "pressure"),
        ("P-101.suction_pressure", "suction_pressure"),
        ("motor current L1", "current"),
        ("主轴温度", "temperature"),
        ("brg_temp_de", "bearing_temperature"),
        ("vib_2x", "vibration_2x"),
        ("xmeas7", None),
    ],
)
def test_the_kind_of_a_tag_is_read_from_its_name(tag, kind):
    assert kind_of(tag, LIBRARY) == kind


def test_tags_show_signs_and_absent_signs():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 3)) + np.array([0.0, -6.0, 0.0])
    z[:, 2] *= 5
    signs = tag_signs(("bearing temp", "discharge pressure", "motor current"), z, LIBRARY)
    assert signs["pressure:down"].strength > 0.95
    assert signs["pressure:up"].strength < 0.05
    assert signs["bearing_temperature:up"].strength < 0.1
    assert signs["current:unstable"].strength > 0.9
