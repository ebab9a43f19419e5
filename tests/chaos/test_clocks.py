"""Clocks that jump, shortly; and accounts that are wrong on purpose."""

from uuid import UUID

import pytest

from tests.chaos import clocks
from tests.chaos.clocks import Stamp

RUN = UUID(int=1)
STAMPS = {1: Stamp(100, possible=True), 2: Stamp(200, possible=False), 3: Stamp(300, possible=True)}
ROWS, ASIDE = [(1, 100), (3, 300)], [2]


@pytest.mark.chaos
@pytest.mark.long
async def test_what_no_calendar_has_is_in_quarantine_and_all_else_is_stored_in_its_order(plant):
    report = await clocks.play(plant, samples=20)
    assert report["clean"], report
    assert report["quarantined"] == 2 * 20  # ten years ahead and 1970, both vouched for


@pytest.mark.parametrize(
    ("rows", "aside", "what"),
    [
        (ROWS[:1], ASIDE, "missing"),
        (ROWS, [], "missing"),
        ([*ROWS, ROWS[0]], ASIDE, "duplicated"),
        (ROWS, [2, 2], "duplicated"),
        ([(1, 101), (3, 300)], ASIDE, "wrong"),
        ([*ROWS, (2, 200)], [], "wrong"),
        (ROWS[:1], [2, 3], "wrong"),
        ([*ROWS, (4, 400)], ASIDE, "wrong"),
    ],
)
def test_control_the_account_finds(rows, aside, what):
    assert not any(clocks.account(STAMPS, ROWS, ASIDE)[fault] for fault in ("missing", "duplicated", "wrong"))
    assert clocks.account(STAMPS, rows, aside)[what]


def test_control_a_batch_in_the_wrong_place_is_found():
    assert clocks.out_of_order({(RUN, 1): [1.0, 2.0], (RUN, 2): [3.0]}) == 0
    assert clocks.out_of_order({(RUN, 1): [3.0], (RUN, 2): [1.0, 2.0]}) == 1
    assert clocks.out_of_order({(RUN, 1): [2.0, 1.0]}) == 1
