"""Disks put back and machines copied, shortly; and an ingest that is blind to conflicts."""

import pytest

from ingest_service import writer
from ingest_service.ledger import Verdict, judge
from tests.chaos import images

pytestmark = [pytest.mark.chaos, pytest.mark.long]


async def test_nothing_is_lost_and_every_conflict_is_flagged(plant):
    report = await images.play(plant, rounds=1, seed=7)
    assert report["clean"], report


async def test_control_an_ingest_that_is_blind_to_conflicts_is_found(plant, monkeypatch):
    def blind(*known) -> list[Verdict]:
        return [Verdict.REPEATED if verdict is Verdict.CONFLICT else verdict for verdict in judge(*known)]

    monkeypatch.setattr(writer, "judge", blind)
    report = await images.play(plant, rounds=1, seed=7)
    assert not report["clean"]
    assert report["flagged"] < report["conflicts"]
    assert report["missing"], report
