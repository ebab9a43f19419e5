"""kill -9 at random moments: the spool opens clean and holds everything that was said to be committed.

A few here; `python -m tests.soak.spool_kills` tries it a thousandfold.
"""

import contextlib
import random
import sqlite3

import pytest

from tests.soak.spool_kills import ROOMY, TIGHT, run

KILLS = 5


@pytest.mark.parametrize("max_bytes", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_whatever_was_committed_survives_a_kill(tmp_path, max_bytes):
    found = run(tmp_path / "gw.spool", KILLS, random.Random(11), max_bytes)
    assert found.clean, found
    assert found.committed > 5 * KILLS


def test_the_check_notices_one_batch_that_is_gone(tmp_path):
    path = tmp_path / "gw.spool"

    def lose_one() -> None:
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("DELETE FROM batch WHERE id = (SELECT min(id) FROM batch)")

    assert run(path, 2, random.Random(11), ROOMY, lose_one).missing > 0
