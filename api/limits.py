"""Token buckets: how often one key (a login, an address, a label) may do one thing. Memory is bounded.

    take(key) ── a token is there ──► goes on
              └─ none ──► TooMany with the seconds until the next one
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from api import TooMany
from runtime.clock import NS_PER_S, Clock

_KEYS_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, afterwards one every `per_s` seconds."""

    burst: int
    per_s: float


class Buckets:
    """One bucket a key, the longest unused forgotten first: a forgotten bucket is a full one."""

    def __init__(self, what: str, rate: Rate, clock: Clock) -> None:
        self._what = what
        self._rate = rate
        self._clock = clock
        self._filled: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> None:
        """Raises TooMany when the bucket of `key` is empty."""
        tokens, now_ns = self._level(key)
        if tokens < 1:
            raise TooMany(self._what, max(1.0, (1 - tokens) * self._rate.per_s))
        self._put(key, tokens - 1, now_ns)

    def give_back(self, key: str) -> None:
        """Undo a `take`: it turned out to be harmless."""
        tokens, now_ns = self._level(key)
        self._put(key, min(tokens + 1, self._rate.burst), now_ns)

    def __len__(self) -> int:
        return len(self._filled)

    def _level(self, key: str) -> tuple[float, int]:
        now_ns = self._clock.monotonic_ns()
        tokens, then_ns = self._filled.get(key, (float(self._rate.burst), now_ns))
        refill = (now_ns - then_ns) / NS_PER_S / self._rate.per_s
        return min(float(self._rate.burst), tokens + refill), now_ns

    def _put(self, key: str, tokens: float, now_ns: int) -> None:
        self._filled[key] = (tokens, now_ns)
        self._filled.move_to_end(key)
        while len(self._filled) > _KEYS_MOST:
            self._filled.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the API on one page."""

    login: Buckets
    login_address: Buckets
    public_page: Buckets
    report: Buckets


def usual_limits(clock: Clock) -> Limits:
    """A person who mistypes never meets them; someone who guesses does."""
    return Limits(
        login=Buckets("attempts for this login", Rate(5, 30), clock),
        login_address=Buckets("login attempts from this address", Rate(20, 6), clock),
        public_page=Buckets("pages from this address", Rate(60, 1), clock),
        report=Buckets("reports from this address", Rate(10, 6), clock),
    )


def address_key(host: str) -> str:
    """An IPv4 address as it is, an IPv6 address as its /64: one household has 2^64 of them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address) and not address.ipv4_mapped:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
