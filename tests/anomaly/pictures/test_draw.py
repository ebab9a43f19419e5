"""Pictures of snapshots: complete, repeatable, honest about damage, and never with boxes instead of signs."""

import hashlib
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from anomaly import DamagedEvidence, NoPictures, evidence
from anomaly.pictures import draw, fonts
from anomaly.records import Case, Curve, Shown, Tag

ONSET_MS = 1_700_000_000_000
CASE = Case("bearing_wear", "statistical", "high", ONSET_MS * 1_000_000, 1.5, (("vibration", 0.75), ("flow", 0.25)))
TIMES = [ONSET_MS + 1000 * second for second in range(-300, 60)]
VALUES = [2.0 + (0.01 * n if n > 300 else 0.0) for n in range(360)]
SPECTRUM = Curve(
    "envelope_spectrum", "frequency", "Hz", tuple(np.arange(0.0, 500, 2)), "envelope", "m/s²", tuple(np.ones(250)),
    ((107.4, "BPFO"),),
)  # fmt: skip


def snapshot(name="Vibration", values=VALUES, curves=(), **more):
    shown = [
        Shown(Tag(1, "vibration", name, "mm/s", "float"), {"high": 4.5}, 2.0, TIMES, list(values), (1.8, 2.2)),
        Shown(Tag(2, "flow", "Flow", "m³/h", "float"), {}, None, TIMES, [None, *[1.0] * 359]),
    ]
    text = evidence.freeze("pump-1", CASE, "robust-1", shown, curves)
    return text, evidence.digest(text)


def size(png):
    return struct.unpack(">II", png[16:24])


def pixels(png):
    """The decompressed rows: two pictures that look the same have the same."""
    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return zlib.decompress(data)


def below_the_head(png):
    """Without the title, which tells the hash of the snapshot."""
    return pixels(png)[60 * (4 * 990 + 1) :]


def test_a_row_for_each_tag_and_curve():
    one, three = draw(*snapshot()), draw(*snapshot(curves=[SPECTRUM]))
    assert (size(one)[0], size(three)[0]) == (990, 990)
    assert size(three)[1] > size(one)[1] > 400


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_snapshot_gives_the_same_bytes(form):
    assert draw(*snapshot(curves=[SPECTRUM]), form) == draw(*snapshot(curves=[SPECTRUM]), form)
    assert draw(*snapshot(), form) != draw(*snapshot(values=[3.0] * 360), form)


def test_a_vector_picture_needs_no_font_and_fetches_nothing():
    text = draw(*snapshot(), "svg").decode()
    assert text.startswith("<?xml")
    assert "<text" not in text
    assert 'href="http' not in text.replace("xlink:href", "href")


def test_a_name_in_chinese_is_drawn_or_stands_as_its_slug(monkeypatch):
    chinese, slug = (below_the_head(draw(*snapshot(name))) for name in ("主轴振动", "vibration"))
    if fonts.families("主轴振动") is None:
        assert chinese == slug
    else:
        assert chinese != slug
    monkeypatch.setattr(fonts, "_fallback", lambda missing: None)  # a computer without such a font
    assert below_the_head(draw(*snapshot("主轴振动"))) == slug


def test_a_sign_that_no_font_has_is_never_a_box():
    assert fonts.families("\U0010fffd") is None
    assert fonts.families("m³/h °C µm") == ["DejaVu Sans"]
    draw(*snapshot("\U0010fffd"))  # a missing sign would be a warning, and so an error here


@pytest.mark.parametrize("name", ["$\\frac{1}{", "<b>&amp;", ""])
def test_a_name_is_text_and_nothing_else(name):
    assert draw(*snapshot(name)).startswith(b"\x89PNG")


@pytest.mark.parametrize("values", [[None] * 360, [1e300] * 360, [0.0] * 360])
def test_anything_that_was_measured_can_be_drawn(values):
    assert draw(*snapshot(values=values)).startswith(b"\x89PNG")


def test_evidence_without_any_sample_and_of_the_first_version_can_be_drawn():
    empty = evidence.freeze("pump-1", CASE, "limits-1", [])
    assert draw(empty, evidence.digest(empty)).startswith(b"\x89PNG")
    old = (Path(__file__).parents[2] / "golden" / "evidence_version_1.json").read_text(encoding="utf-8")
    assert draw(old, evidence.digest(old)).startswith(b"\x89PNG")


def test_changed_evidence_is_not_drawn():
    text, sha256 = snapshot()
    changed = json.dumps(json.loads(text) | {"cause": "nothing"})
    with pytest.raises(DamagedEvidence):
        draw(changed, sha256)
    assert hashlib.sha256(text.encode()).digest() == sha256


def test_without_matplotlib_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoPictures, match="matplotlib"):
        draw(*snapshot())


def test_importing_pictures_loads_no_matplotlib():
    code = "import sys, anomaly.pictures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
