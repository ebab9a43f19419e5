"""Which requests bring all tags of a table with the fewest round trips. Pure.

    spans of the tags ──plan──► Blocks: address, count, and which spans each brings

A block may run across `gap` addresses nobody asked for, never across a forbidden one, and never splits a span.
Among the plans with the fewest blocks it is the one that reads the fewest addresses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[int, int]  # address, count


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may do: how many addresses at `most`, and how many in a row for nothing."""

    most: int
    gap: int
    forbidden: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` addresses from `address`; `members` are positions in the planned sequence."""

    address: int
    count: int
    members: tuple[int, ...]


def plan(spans: Sequence[Span], limits: Limits) -> list[Block]:
    """The best blocks for these spans, in order of address. Every span must be allowed by itself."""
    order = sorted(range(len(spans)), key=lambda i: (spans[i][0], -spans[i][1]))
    outer = _without_contained([spans[i] for i in order])
    cuts = _cuts(outer, limits)
    blocks = []
    at = 0
    for first, last in cuts:
        address, end = outer[first][0], outer[last][0] + outer[last][1]
        members = []
        while at < len(order) and sum(spans[order[at]]) <= end:
            members.append(order[at])
            at += 1
        blocks.append(Block(address, end - address, tuple(members)))
    return blocks


def _without_contained(ordered: list[Span]) -> list[Span]:
    """Spans that lie in none before them: a span inside another costs nothing. Starts and ends both ascend."""
    outer: list[Span] = []
    for span in ordered:
        if not outer or sum(span) > sum(outer[-1]):
            outer.append(span)
    return outer


def _cuts(outer: list[Span], limits: Limits) -> list[tuple[int, int]]:
    """First and last span of each block, by dynamic programming from the right.

    best[i] = (blocks, addresses read) for the spans from i on. The farthest reach gives the fewest blocks (what
    may be read together may also be read in parts); nearer ends are tried for fewer addresses, until there are
    no more than was asked for.
    """
    n = len(outer)
    best, asked, ends, reach = [(0, 0)] * (n + 1), 0, [0] * n, n - 1
    for i in range(n - 1, -1, -1):
        start, end = outer[i][0], sum(outer[i])
        asked += min(end, outer[i + 1][0]) - start if i + 1 < n else end - start
        if i + 1 < n and not _joins(outer[i], outer[i + 1], limits):
            reach = i
        while sum(outer[reach]) - start > limits.most:
            reach -= 1
        blocks = best[reach + 1][0] + 1
        best[i] = blocks, best[reach + 1][1] + sum(outer[reach]) - start
        ends[i] = last = reach
        while best[i][1] > asked and (last := last - 1) >= i and best[last + 1][0] + 1 == blocks:
            addresses = best[last + 1][1] + sum(outer[last]) - start
            if addresses < best[i][1]:
                best[i], ends[i] = (blocks, addresses), last
    return _walk(ends)


def _walk(ends: list[int]) -> list[tuple[int, int]]:
    cuts = []
    first = 0
    while first < len(ends):
        cuts.append((first, ends[first]))
        first = ends[first] + 1
    return cuts


def _joins(left: Span, right: Span, limits: Limits) -> bool:
    """Whether one block may run from `left` into `right`."""
    end = sum(left)
    return right[0] - end <= limits.gap and not any(
        first < right[0] and end <= last for first, last in limits.forbidden
    )
