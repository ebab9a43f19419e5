"""Receipts lost, doubled and overtaken, shortly; and an ingest without a ledger, whose repetitions have to be found."""

import pytest

from ingest_service import writer
from tests.chaos import ingest_worker, receipts

pytestmark = [pytest.mark.chaos, pytest.mark.long]


async def test_the_spool_empties_and_nothing_is_there_twice(plant):
    report = await receipts.play(plant, batches=200, seed=7)
    assert report["clean"], report
    assert min(report["lost"], report["doubled"], report["late"]) > 3, report


async def test_control_an_ingest_without_a_ledger_is_found(plant, monkeypatch):
    for name in ("judge", "_add_batches"):
        monkeypatch.setattr(writer, name, getattr(writer, name))  # put back afterwards
    ingest_worker.forget_the_ledger()
    report = await receipts.play(plant, batches=60, seed=7, share=0.3)
    assert report["duplicated"], report
    assert not report["clean"]
