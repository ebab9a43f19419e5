"""A set of whole numbers kept as closed ranges, because sequence numbers come and go in runs. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """{1, 2, 3, 7} is kept as (1, 3), (7, 7); every operation costs as much as there are ranges."""

    __slots__ = ("_highs", "_lows")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []
        for low, high in ranges:
            self.add(low, high)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._lows, self._highs, strict=True)))

    def __bool__(self) -> bool:
        return bool(self._lows)

    def __len__(self) -> int:
        """How many numbers, not how many ranges."""
        return sum(self._highs) - sum(self._lows) + len(self._lows)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._lows, number) - 1
        return at >= 0 and number <= self._highs[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._lows == other._lows and self._highs == other._highs

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    @property
    def first(self) -> int:
        """The smallest number; the set must not be empty."""
        return self._lows[0]

    @property
    def last(self) -> int:
        """The greatest number; the set must not be empty."""
        return self._highs[-1]

    def add(self, low: int, high: int) -> None:
        """Put in every number of low … high; an upside-down range holds none."""
        if high < low:
            return
        start = bisect_left(self._highs, low - 1)
        end = bisect_right(self._lows, high + 1)
        if start < end:
            low, high = min(low, self._lows[start]), max(high, self._highs[end - 1])
        self._lows[start:end] = [low]
        self._highs[start:end] = [high]

    def remove(self, low: int, high: int) -> None:
        """Take out every number of low … high; those that are not there do not matter."""
        start = bisect_left(self._highs, low)
        end = bisect_right(self._lows, high)
        if high < low or start >= end:
            return
        left, right = self._lows[start], self._highs[end - 1]
        rest = [pair for pair in ((left, low - 1), (high + 1, right)) if pair[0] <= pair[1]]
        self._lows[start:end] = [pair[0] for pair in rest]
        self._highs[start:end] = [pair[1] for pair in rest]

    def add_all(self, other: Iterable[tuple[int, int]]) -> None:
        for low, high in other:
            self.add(low, high)

    def remove_all(self, other: Iterable[tuple[int, int]]) -> None:
        for low, high in other:
            self.remove(low, high)

    def within(self, low: int, high: int) -> "Ranges":
        """The numbers that are also in low … high."""
        start = bisect_left(self._highs, low)
        end = bisect_right(self._lows, high)
        found = Ranges()
        found._lows = [max(low, at) for at in self._lows[start:end]]
        found._highs = [min(high, at) for at in self._highs[start:end]]
        return found

    def common(self, other: Iterable[tuple[int, int]]) -> "Ranges":
        """The numbers that are in both."""
        found = Ranges()
        for low, high in other:
            found.add_all(self.within(low, high))
        return found

    def without(self, other: Iterable[tuple[int, int]]) -> "Ranges":
        """The numbers that are not in `other`."""
        found = self.within(self.first, self.last) if self else Ranges()
        found.remove_all(other)
        return found
