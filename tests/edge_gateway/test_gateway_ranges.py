"""Ranges behave as the set of numbers that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.uplink.ranges import Ranges

numbers = st.integers(1, 40)
pairs = st.tuples(numbers, numbers)
steps = st.lists(st.tuples(st.booleans(), pairs), max_size=25)


def built(listed) -> tuple[Ranges, set[int]]:
    ranges, model = Ranges(), set()
    for add, (low, high) in listed:
        covered = set(range(low, high + 1))
        if add:
            ranges.add(low, high)
            model |= covered
        else:
            ranges.remove(low, high)
            model -= covered
    return ranges, model


def spelled(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges for number in range(low, high + 1)}


@given(steps)
def test_add_and_remove_are_those_of_a_set_and_ranges_never_touch(listed):
    ranges, model = built(listed)
    assert spelled(ranges) == model
    assert len(ranges) == len(model)
    assert bool(ranges) == bool(model)
    assert all(number in ranges for number in model)
    assert not any(number in ranges for number in set(range(42)) - model)
    flat = [edge for pair in ranges for edge in pair]
    assert all(high + 1 < low for high, low in zip(flat[1::2], flat[2::2], strict=False))
    if model:
        assert (ranges.first, ranges.last) == (min(model), max(model))


@given(steps, steps, pairs)
def test_common_without_and_within(one, other, pair):
    (a, in_a), (b, in_b) = built(one), built(other)
    assert spelled(a.common(b)) == in_a & in_b
    assert spelled(a.without(b)) == in_a - in_b
    assert spelled(a.within(*pair)) == in_a & set(range(pair[0], pair[1] + 1))
    assert spelled(a) == in_a
