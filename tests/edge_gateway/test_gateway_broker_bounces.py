"""The broker goes down again and again under a gateway that is never restarted; tests.soak.broker_bounces: 50 times."""

import tempfile
from pathlib import Path

import pytest

from tests.edge_gateway.other_ends import Ingest
from tests.soak import broker_bounces


@pytest.fixture
def folder(open_folder):
    place = Path(tempfile.mkdtemp(dir=open_folder))
    place.chmod(0o755)
    return place


@pytest.mark.long
async def test_six_outages_of_the_broker_cost_nothing(folder, free_port):
    total = await broker_bounces.run(6, 1, folder, free_port())
    assert broker_bounces.clean(total), total
    assert total["read"] > 100


async def test_the_check_notices_a_batch_that_the_ledger_has_lost(folder, free_port, monkeypatch):
    real = Ingest.good_values
    monkeypatch.setattr(Ingest, "good_values", lambda self: {name: values[1:] for name, values in real(self).items()})
    total = await broker_bounces.run(0, 1, folder, free_port())
    assert not broker_bounces.clean(total)
