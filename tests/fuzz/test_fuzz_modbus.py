"""A few thousand mutated answers in every run of the tests; `python -m tests.fuzz.modbus` sends as many as wanted."""

import pytest

from protocols.modbus.frames import MbapFrames, RtuFrames
from protocols.modbus.owed import OwedAnswers
from tests.fuzz.modbus import FRAMINGS, Figures, storm

ANSWERS = 3000


@pytest.mark.parametrize("transport", FRAMINGS)
def test_no_mutated_answer_becomes_a_wrong_value(transport: str) -> None:
    figures = Figures()
    storm(transport, ANSWERS, seed=7, figures=figures)
    assert figures.clean, figures
    assert figures.answers >= ANSWERS
    assert figures.good > ANSWERS


def test_the_same_seed_is_the_same_storm() -> None:
    one, two = Figures(), Figures()
    for figures in (one, two):
        storm("rtu_over_tcp", 300, seed=1, figures=figures)
    assert one == two


# Controls: with a check taken out, the storm finds it.


def test_an_answer_with_any_number_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = MbapFrames.take

    def take(self: MbapFrames, data: bytes) -> bytes | None:
        return checked(self, self._head[:2] + data[2:])

    monkeypatch.setattr(MbapFrames, "take", take)
    figures = Figures()
    storm("tcp", ANSWERS, seed=7, figures=figures)
    assert figures.wrong > 0
    assert not figures.clean


def test_a_late_rtu_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwedAnswers, "owes", lambda *_: False)
    figures = Figures()
    storm("rtu_over_tcp", ANSWERS, seed=7, figures=figures)
    assert figures.wrong > 0


def test_an_unchecked_crc_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.modbus.frames._damaged", lambda _: False)
    figures = Figures()
    storm("rtu_over_tcp", ANSWERS, seed=7, figures=figures)
    assert figures.wrong > 0


def test_an_error_in_the_driver_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = RtuFrames.take

    def take(self: RtuFrames, data: bytes) -> bytes | None:
        return checked(self, data) if len(data) % 5 else checked(self, data[99])  # type: ignore[arg-type]

    monkeypatch.setattr(RtuFrames, "take", take)
    figures = Figures()
    storm("rtu_over_tcp", 300, seed=7, figures=figures)
    assert figures.crashed > 0
    assert not figures.clean
