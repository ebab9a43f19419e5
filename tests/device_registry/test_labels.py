"""Tokens and short codes."""

import pytest

from device_registry import labels


def test_tokens_are_long_and_differ():
    tokens = {labels.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {22}


def test_a_code_is_read_however_it_is_typed():
    code = labels.new_short_code()
    assert len(code) == 8
    assert not set(code) & set("01IOU")
    assert labels.read_short_code(f" {code[:4].lower()}-{code[4:]} ") == code


def test_every_single_wrong_character_and_every_swap_of_neighbours_is_found():
    for _ in range(20):
        code = labels.new_short_code()
        for place, right in enumerate(code):
            for wrong in set(labels.ALPHABET) - {right}:
                assert labels.read_short_code(code[:place] + wrong + code[place + 1 :]) is None
        for place in range(7):
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            assert swapped == code or labels.read_short_code(swapped) is None


@pytest.mark.parametrize("text", ["", "ABC", "ABCDEFGHI", "0BCDEFGH", "机器机器机器机器", "x" * 22])
def test_other_text_is_no_code(text):
    assert labels.read_short_code(text) is None
