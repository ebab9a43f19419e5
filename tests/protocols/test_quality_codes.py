"""The numbers behind quality and reason are part of the wire format and of every stored row: they never move."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocols.opcua.quality import code_of
from protocols.sample import Quality, Reason, quality_code, quality_of, reason_of

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent.parent / "golden" / "quality_codes.json").read_text())


def test_qualities() -> None:
    assert {quality.name: int(quality) for quality in Quality} == GOLDEN["qualities"]


def test_reasons() -> None:
    assert {name: number for name, number in GOLDEN["reasons"].items() if not name.startswith("exception_")} == {
        reason.name.lower(): int(reason) for reason in Reason if reason is not Reason.EXCEPTION_0
    }
    assert all(reason_of(number) == name for name, number in GOLDEN["reasons"].items())


@pytest.mark.parametrize(("quality", "reason", "code"), GOLDEN["codes"])
def test_codes(quality: str, reason: str, code: int) -> None:
    assert quality_code(Quality[quality], GOLDEN["reasons"][reason]) == code
    assert (quality_of(code).name, reason_of(code)) == (quality, reason)


def test_codes_of_later_versions_stay_readable() -> None:
    assert (quality_of(0x0302), reason_of(0x0302)) == (Quality.BAD, "disconnected")
    assert reason_of(0x023F) == "reason_63"


@pytest.mark.parametrize(("status", "code"), GOLDEN["opcua"])
def test_opcua_status_codes(status: str, code: int) -> None:
    assert code_of(int(status, 16)) == code
