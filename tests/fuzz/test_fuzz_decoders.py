"""Thousands of spoilt inputs in every run of the tests; `python -m tests.fuzz.decoders` runs millions, guided."""

import json
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from benchmarks.figures import RESULTS
from protocols.sample import ValueKind
from protocols.wire import columnar, named
from tests.fuzz.decoder_memory import equal_samples, heavy_payloads, measured
from tests.fuzz.decoder_mutations import inputs
from tests.fuzz.decoder_targets import CONTROL, Target, targets
from tests.fuzz.decoders import PAYLOAD_MB_MOST, Figures, run

EXECUTIONS = 5000
RESULT = RESULTS / "fuzz.jsonl"
TARGETS = targets()


def storm(target: Target, executions: int = EXECUTIONS, seed: int = 7) -> None:
    for data in islice(inputs(target.seeds, Random(f"{target.name} {seed}")), executions):
        target.feed(data)


@pytest.mark.parametrize("name", TARGETS)
def test_only_documented_errors_come_out(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].feed(seed)
    storm(TARGETS[name])


HEAVIEST = {
    "columnar": ["as many numbers as may be", "as many texts as may be", "more texts", "one long text"],
    "json_samples": ["lists", "samples of lists"],
    "catalog": ["objects", "empty tags", "floats"],
    "receipt": ["objects", "wrong ranges", "rejections"],
    "sparkplug": ["empty metrics", "nested"],
}


@pytest.mark.parametrize("name", HEAVIEST)
def test_the_heaviest_payloads_stay_within_bounds(name: str) -> None:
    heavy = heavy_payloads(name)
    taken = {what: measured(TARGETS[name].feed, heavy[what]()) for what in HEAVIEST[name]}
    assert {what: taken_mb for what, taken_mb in taken.items() if taken_mb > PAYLOAD_MB_MOST} == {}


# Controls: with a check taken out, a storm finds it.


def test_an_array_past_the_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(self: Any, dtype: Any, n: int) -> Any:
        array = np.frombuffer(self._body, dtype, n, self._at)
        self._at += array.nbytes
        return array

    monkeypatch.setattr("protocols.wire.columnar._Cursor.take", take)
    with pytest.raises(ValueError, match="buffer"):
        storm(TARGETS["columnar_body"])


def test_a_number_too_large_for_a_float_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "_float", float)
    with pytest.raises(OverflowError):
        storm(TARGETS["json_samples"])


def test_a_name_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_service.mapping.source.slug", lambda text: text)
    with pytest.raises(AssertionError):
        storm(TARGETS["mapping"])


def test_a_limit_that_is_gone_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "SAMPLES_MOST", 1 << 30)
    monkeypatch.setattr(columnar, "BODY_BYTES_MOST", 1 << 30)
    many = equal_samples(ValueKind.FLOAT, 700_000)
    assert measured(TARGETS["columnar"].feed, many) > PAYLOAD_MB_MOST


def test_the_guided_run_finds_a_planted_fault_and_tells_it(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="pip install atheris")
    figures = run(CONTROL.name, 1_000_000, 30, tmp_path)
    assert figures.crashes == 1
    assert "IndexError" in figures.errors[0]
    assert not figures.clean


def test_figures_tell_what_is_not_clean() -> None:
    assert Figures(executions=10).clean
    assert not Figures(executions=0).clean
    assert not Figures(executions=10, crashes=1).clean
    assert not Figures(executions=10, peak_mb=PAYLOAD_MB_MOST + 1).clean


@pytest.mark.skipif(not RESULT.exists(), reason="no full run yet: python -m tests.fuzz.decoders --executions 10000000")
def test_the_last_full_run_is_written_down_and_was_clean() -> None:
    assert json.loads(RESULT.read_text(encoding="utf-8").splitlines()[-1])["passed"]
