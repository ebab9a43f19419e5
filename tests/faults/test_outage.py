"""A12, shortened to minutes: python -m tests.soak.outage writes and drains three days."""

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import pytest

from protocols.sample import Column, ValueKind
from runtime.clock import NS_PER_S
from tests.soak.outage import RUN, TAGS, Account, clean, run, told, truth


@pytest.mark.timeout(180)
def test_a_backlog_of_minutes_comes_whole_in_order_and_beside_live_data(open_folder):
    folder = Path(tempfile.mkdtemp(prefix="outage-", dir=open_folder))
    folder.chmod(0o755)
    report = asyncio.run(run(0.25, folder))
    print(report)
    counts = ("dropped", "lost", "doubled", "wrong", "out_of_order")
    assert {name: report[name] for name in counts} == dict.fromkeys(counts, 0)
    assert report["samples"] == 900 * TAGS


def second_of(second: int, tags: int = TAGS) -> Column:
    alias = np.arange(tags, dtype=np.uint32)
    values = truth(alias, np.full(tags, second, np.int64))
    return Column(ValueKind.FLOAT, alias, np.full(tags, second * NS_PER_S), values, np.zeros(tags, np.uint16))


def report_of(*columns: Column) -> dict[str, float]:
    account = Account(began_ns=0, seconds=3)
    for column in columns:
        account.take(RUN, (column,))
    return {"dropped": 0} | told(3 / 3600, account, 0.1)


def test_the_account_finds_what_is_lost_doubled_wrong_or_out_of_order():
    """The control of the account."""
    zero, one, two = (second_of(second) for second in range(3))
    other = second_of(1)
    other.value[7] += 1 / 1024
    assert clean(report_of(zero, one, two))
    assert report_of(zero, two)["lost"] == TAGS
    assert report_of(zero, second_of(1, TAGS - 1), two)["lost"] == 1
    assert report_of(zero, one, one, two)["doubled"] == TAGS
    assert report_of(zero, other, two)["wrong"] == 1
    assert report_of(zero, two, one)["out_of_order"] == TAGS
