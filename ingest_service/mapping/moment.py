"""JSON → time in ns UTC. Pure."""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TimeUnit = Literal["s", "ms", "us", "ns", "iso"]
_NS_PER = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_NS_END = 1 << 63
_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,20})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def zone(name: str) -> tzinfo | None:
    """A time zone by its name, none for "". Raises ValueError."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"no time zone {name!r} on this machine; write like Europe/Berlin, or install tzdata"
        ) from error


def to_ns(value: Any, unit: TimeUnit, local: tzinfo | None) -> int:
    """A time as the payload tells it; `local` is for ISO times without an offset.

    A number with a fraction is exact to the microsecond, which is what is stored. Raises ValueError.
    """
    time_ns = _of_iso(value, local) if unit == "iso" else _of_number(value, _NS_PER[unit])
    if not 0 <= time_ns < _NS_END:
        raise ValueError(f"{_told(value)} is no time in {unit}")
    return time_ns


def _of_number(value: Any, factor: int) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value * factor
    if isinstance(value, float) and math.isfinite(value):
        return round(value * factor / 1000) * 1000
    raise ValueError(f"{_told(value)} is no number")


def _of_iso(value: Any, local: tzinfo | None) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{_told(value)} is no ISO 8601 time")
    try:
        told = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise ValueError(f"{_told(value)} is no ISO 8601 time") from error
    if told.tzinfo is None:
        if local is None:
            raise ValueError(f"{_told(value)} has no offset from UTC; set time_zone")
        told = told.replace(tzinfo=local)
    return (told - _EPOCH) // _MICROSECOND * 1000


def _told(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:60])
    return repr(value) if isinstance(value, float | bool | None) else f"what stands there ({type(value).__name__})"
