"""Poison of all kinds, shortly; and letters that the check must not take for right."""

import random
from collections import Counter

import pytest

from tests.chaos import poison

pytestmark = [pytest.mark.chaos, pytest.mark.long]


async def test_each_is_a_letter_with_its_reason_and_its_neighbours_are_stored(plant):
    report = await poison.play(plant, poison.storm(40, random.Random(7)))
    assert report["clean"], report


def test_control_a_wrong_reason_a_missing_and_an_unasked_letter_are_found():
    poisons = [("truncated", b"one"), ("truncated", b"two"), ("inflates to 4 GB", b"three")]
    letters = {b"one": "undecodable", b"three": "undecodable", b"four": "undecodable"}
    assert poison.judge(poisons, letters) == Counter(right=1, no_letter=1, wrong_reason=1, unasked=1)


def test_a_thousand_are_of_all_kinds_and_no_two_are_the_same():
    storm = poison.storm(1000, random.Random(7))
    assert {name for name, _ in storm} == set(poison.KINDS)
    assert len(poison.KINDS) >= 12
    assert len({payload for _, payload in storm}) == 1000
