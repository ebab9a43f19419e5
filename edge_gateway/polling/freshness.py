"""When each tag last had a good value, and what its newest sample said: two arrays, indexed by alias.

    poller ──columns──► Freshness ──► /metrics: oldest and newest age per endpoint, the worst tags by name
                                  └─► /tags: every tag

Ten thousand tags are ten thousand series in Prometheus, so by name it shows only those with something wrong, and of
those only the worst. Ages count from the start of the process until the first good value comes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_gateway.catalog import Endpoint, Numbering
from protocols.sample import Columns, quality_of, reason_of
from runtime.clock import NS_PER_S, Clock

TAGS_SHOWN_MOST = 50

_UNREAD = 0xFFFF  # no quality code looks like this
_NOT_GOOD = 1 << 8
_LATE_PERIODS = 3
_LATE_S = 5.0
_NEVER_LATE_S = float("inf")


class TagState(NamedTuple):
    """One tag, as people look at it. `endpoint` says which line it comes over."""

    machine: str
    tag: str
    endpoint: str
    quality: str
    reason: str
    age_s: float


class EndpointState(NamedTuple):
    """Ages of the newest good value and of the most neglected polled tag, and how many tags are not good."""

    newest_age_s: float
    oldest_age_s: float
    not_good: int


class Freshness:
    """All tags that are read; told of samples by the pollers, asked by whoever looks from outside."""

    def __init__(self, numbering: Numbering, clock: Clock) -> None:
        self._clock = clock
        self._tags = numbering.tags
        self._last_good_ns = np.full(len(self._tags), clock.monotonic_ns(), np.int64)
        self._code = np.zeros(len(self._tags), np.uint16)
        self._late_s = np.full(len(self._tags), _NEVER_LATE_S)
        self._endpoint_of: dict[int, str] = {}
        self._aliases: dict[str, NDArray[np.uint32]] = {}
        for name, devices in numbering.endpoints.items():
            self._place(name, devices)

    def _place(self, name: str, devices: Endpoint) -> None:
        aliases = [alias for numbered in devices for alias in numbered.aliases]
        self._aliases[name] = np.array(aliases, np.uint32)
        self._code[self._aliases[name]] = _UNREAD
        self._endpoint_of.update(dict.fromkeys(aliases, name))
        for numbered in devices:
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True):
                if not tag.subscribed:
                    self._late_s[alias] = _LATE_PERIODS * tag.period_s + _LATE_S

    def seen(self, columns: Columns) -> bool:
        """Take note of samples; True when all of them are good."""
        now_ns, all_good = self._clock.monotonic_ns(), True
        for column in columns:
            self._code[column.alias] = column.code
            if np.count_nonzero(column.code):
                all_good = False
                self._last_good_ns[column.alias[column.code < _NOT_GOOD]] = now_ns
            else:
                self._last_good_ns[column.alias] = now_ns
        return all_good

    def endpoints(self) -> Mapping[str, EndpointState]:
        """How each endpoint is doing."""
        age_s = self._ages_s()
        polled = np.isfinite(self._late_s)
        return {name: _summed(age_s, polled, self._code, aliases) for name, aliases in self._aliases.items()}

    def worst(self, most: int = TAGS_SHOWN_MOST) -> list[TagState]:
        """The tags whose newest sample is not good or that are overdue, those without a good value longest first."""
        age_s = self._ages_s()
        wrong = np.flatnonzero((self._code >= _NOT_GOOD) | (age_s > self._late_s))
        return self._states(wrong[np.argsort(-age_s[wrong], kind="stable")][:most].tolist(), age_s)

    def all(self) -> list[TagState]:
        """Every tag that is read, in the order of its alias."""
        return self._states(sorted(self._endpoint_of), self._ages_s())

    def _ages_s(self) -> NDArray[np.float64]:
        ages: NDArray[np.float64] = (self._clock.monotonic_ns() - self._last_good_ns) / NS_PER_S
        return ages

    def _states(self, aliases: Sequence[int], age_s: NDArray[np.float64]) -> list[TagState]:
        states = []
        for alias in aliases:
            tag, (quality, reason) = self._tags[alias], _words(int(self._code[alias]))
            endpoint = self._endpoint_of[alias]
            states.append(TagState(tag.machine, tag.tag, endpoint, quality, reason, float(age_s[alias])))
        return states


def _words(code: int) -> tuple[str, str]:
    return ("bad", "not_read_yet") if code == _UNREAD else (quality_of(code).name.lower(), reason_of(code))


def _summed(
    age_s: NDArray[np.float64], polled: NDArray[np.bool_], code: NDArray[np.uint16], aliases: NDArray[np.uint32]
) -> EndpointState:
    ages_s, of_polled = age_s[aliases], polled[aliases]
    oldest_s = ages_s[of_polled].max() if of_polled.any() else 0.0
    return EndpointState(float(ages_s.min()), float(oldest_s), int(np.count_nonzero(code[aliases] >= _NOT_GOOD)))
