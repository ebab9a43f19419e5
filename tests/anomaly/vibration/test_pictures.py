"""Pictures of a record: both forms, the same bytes each time, the marked frequencies by name."""

import numpy as np
import pytest

from anomaly.vibration.pictures import extremes, picture
from tests.anomaly.vibration.signals import scene, scored

pytest.importorskip("matplotlib")


def test_a_picture_names_verdict_and_frequencies_and_does_not_change():
    found = scored(scene("outer race", severity=0.8))
    drawn = picture(found, "svg", "pump-1")
    assert drawn == picture(found, "svg", "pump-1")
    text = drawn.decode()
    for words in ("pump-1: outer race", "BPFO 1", "BPFI 1", "2xBSF 1", "FTF 11.9 Hz", "kurtosis"):
        assert words in text
    assert len(drawn) < 400_000


def test_png_has_its_mark():
    assert picture(scored(scene("healthy"))).startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("length", [10, 999, 1_000, 1_001, 100_003])
def test_no_peak_is_lost_on_paper(length):
    values = np.random.default_rng(length).standard_normal(length)
    at, shown = extremes(values)
    assert len(shown) <= 1_000
    assert np.array_equal(values[at.astype(int)], shown)
    assert (np.diff(at) >= 0).all()
    whole = values[: length - length % max(1, -(-2 * length // 1_000))] if length > 1_000 else values
    assert shown.max() == whole.max()
    assert shown.min() == whole.min()
