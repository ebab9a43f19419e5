"""The planner against every possible plan on small maps, and against what a device forbids."""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.modbus.planner import Block, Limits, Span, plan


def allowed(address: int, end: int, spans: Sequence[Span], limits: Limits) -> bool:
    """Whether one request may read this range, straight from the rules."""
    asked = {a for first, count in spans for a in range(first, first + count)}
    idle = 0
    for a in range(address, end):
        idle = 0 if a in asked else idle + 1
        if idle > limits.gap or any(first <= a <= last for first, last in limits.forbidden):
            return False
    return end - address <= limits.most


def partitions(items: list[int]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for groups in partitions(rest):
        yield [[first], *groups]
        for i, group in enumerate(groups):
            yield [*groups[:i], [first, *group], *groups[i + 1 :]]


def cheapest(spans: Sequence[Span], limits: Limits) -> tuple[int, int]:
    """Blocks and addresses of the best of all plans."""
    costs = []
    for groups in partitions(list(range(len(spans)))):
        ranges = [(min(spans[i][0] for i in group), max(sum(spans[i]) for i in group)) for group in groups]
        if all(allowed(address, end, spans, limits) for address, end in ranges):
            costs.append((len(ranges), sum(end - address for address, end in ranges)))
    return min(costs)


def cheapest_in_a_row(spans: Sequence[Span], limits: Limits) -> tuple[int, int]:
    """The best of all plans that cut the sorted spans into rows: 2^(n-1) of them, so that n may be 12."""
    ordered = sorted(spans)
    costs = []
    for cuts in product([False, True], repeat=len(ordered) - 1):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(ordered)]
        groups = [ordered[low:high] for low, high in pairwise(edges)]
        ranges = [(group[0][0], max(map(sum, group))) for group in groups]
        if all(allowed(address, end, spans, limits) for address, end in ranges):
            costs.append((len(ranges), sum(end - address for address, end in ranges)))
    return min(costs)


@st.composite
def maps(draw: st.DrawFn, spans_most: int = 6) -> tuple[list[Span], Limits]:
    most = draw(st.integers(1, 12))
    holes = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=2))
    limits = Limits(most, draw(st.integers(0, 5)), tuple((first, first + more) for first, more in holes))
    spans = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, min(most, 5))), max_size=spans_most))
    legal = [s for s in spans if not any(first < sum(s) and s[0] <= last for first, last in limits.forbidden)]
    return legal, limits


@settings(max_examples=600, deadline=None)
@given(maps())
def test_equals_brute_force(case: tuple[list[Span], Limits]) -> None:
    spans, limits = case
    blocks = plan(spans, limits)
    assert sorted(member for block in blocks for member in block.members) == list(range(len(spans)))
    for block in blocks:
        assert allowed(block.address, block.address + block.count, spans, limits)
        for member in block.members:
            assert block.address <= spans[member][0]
            assert sum(spans[member]) <= block.address + block.count
    if spans:
        assert (len(blocks), sum(block.count for block in blocks)) == cheapest(spans, limits)
    else:
        assert blocks == []


@settings(max_examples=60, deadline=None)
@given(maps(12))
def test_no_way_to_cut_twelve_is_better(case: tuple[list[Span], Limits]) -> None:
    spans, limits = case
    blocks = plan(spans, limits)
    if spans:
        requests, addresses = cheapest_in_a_row(spans, limits)
        assert (len(blocks), sum(block.count for block in blocks)) <= (requests, addresses)


@pytest.mark.parametrize("limits", [Limits(125, 16), Limits(125, 0), Limits(32, 16), Limits(2000, 256)])
def test_a_thousand_scattered_tags(limits: Limits) -> None:
    """At most a tenth more requests than the fewest there can be: cutting as late as is allowed gives the fewest."""
    scattered = random.Random(limits.most + limits.gap)
    spans = [(scattered.randrange(20_000), scattered.choice([1, 1, 2, 2, 4])) for _ in range(1000)]
    fewest, end, start = 0, -limits.gap - 1, 0
    for address, count in sorted(spans):
        if address + count > end and (address - end > limits.gap or address + count - start > limits.most):
            fewest, start = fewest + 1, address
        end = max(end, address + count)
    blocks = plan(spans, limits)
    assert fewest <= len(blocks) <= 1.1 * fewest
    assert sorted(member for block in blocks for member in block.members) == list(range(1000))
    assert all(allowed(block.address, block.address + block.count, spans, limits) for block in blocks)


@pytest.mark.parametrize(
    ("spans", "limits", "wanted"),
    [
        # 100 float32 in a row: the protocol's 125 registers hold 62 of them, never half a value more
        ([(2 * i, 2) for i in range(100)], Limits(125, 16), [(0, 124), (124, 76)]),
        ([(0, 1), (17, 1)], Limits(125, 16), [(0, 18)]),
        ([(0, 1), (18, 1)], Limits(125, 16), [(0, 1), (18, 1)]),
        ([(0, 2), (4, 2)], Limits(125, 16, ((2, 3),)), [(0, 2), (4, 2)]),
        ([(0, 2000), (2000, 1)], Limits(2000, 0), [(0, 2000), (2000, 1)]),
        ([(5, 4), (6, 1), (5, 1), (5, 4)], Limits(4, 0), [(5, 4)]),
    ],
)
def test_known_plans(spans: list[Span], limits: Limits, wanted: list[tuple[int, int]]) -> None:
    assert [(block.address, block.count) for block in plan(spans, limits)] == wanted


def test_members_are_positions_in_the_given_order() -> None:
    assert plan([(10, 1), (0, 1), (11, 1)], Limits(10, 0)) == [Block(0, 1, (1,)), Block(10, 2, (0, 2))]


def test_many_scattered_tags() -> None:
    """Too many to try all plans; taking as much as is allowed from the left is known to need the fewest blocks."""
    scattered = random.Random(7)
    spans = [(scattered.randrange(4000), scattered.choice([1, 2, 4])) for _ in range(300)]
    limits = Limits(125, 16, ((2000, 2000),))
    spans = [span for span in spans if not span[0] <= 2000 < sum(span)]
    fewest, left = 0, sorted(spans)
    while left:
        end = max(sum(span) for span in left if allowed(left[0][0], sum(span), spans, limits))
        left, fewest = [span for span in left if sum(span) > end], fewest + 1
    blocks = plan(spans, limits)
    assert len(blocks) == fewest
    assert all(allowed(block.address, block.address + block.count, spans, limits) for block in blocks)
