"""Workers that crash before COMMIT under shuffled repetitions, shortly; and workers without a ledger."""

import pytest

from tests.chaos import workers

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(240)]


async def test_the_count_of_rows_is_exact(plant):
    report = await workers.play(plant, count=3, batches=160, seed=7)
    assert report["clean"], report
    assert report["crashes"], report


async def test_control_workers_without_a_ledger_are_found(plant):
    report = await workers.play(plant, count=1, batches=20, seed=7, without_ledger=True)
    assert report["duplicated"], report
    assert not report["clean"]
