"""A short storm of damaged answers (`python -m tests.fuzz.opcua` is the long one), and proof that it can fail."""

import pytest

from tests.fuzz.opcua import fuzz

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_no_damage_makes_a_wrong_value_good_or_anything_crash() -> None:
    account = await fuzz(answers=700, seed=11, live_answers=8)
    assert account.examples == []
    assert account.clean
    assert account.answers >= 700
    assert account.live_answers == 8
    assert account.lives > 100, "most of it must be noticed"


async def test_the_storm_finds_what_cannot_be_noticed() -> None:
    """Control: without a signature a hurt value is a value. The account must say so."""
    account = await fuzz(answers=60, seed=3, live_answers=0, values=True)
    assert account.wrong > 10
    assert not account.clean
