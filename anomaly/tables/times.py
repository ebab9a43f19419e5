"""What stands in a time column, as nanoseconds.

2024-01-05T08:00:00.5+08:00 · 2024-01-05 08:00 · 2024/1/5 8:00:00 · 05.01.2024 08:00   ──► UTC where no zone is named
1704412800 · 1704412800000 · 0 3 6 9                                                   ──► by the size of the first
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OTHER_FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M", "%Y-%m-%d",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y年%m月%d日 %H:%M:%S",
)  # fmt: skip
# Up to this size of the first number the unit is …: 1e11 s is the year 5138, 1e11 ms is 1973.
_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000))
_LATEST_S = 9.2e9


class NotATime(ValueError):
    """The text at position `at` is no time."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at
        self.text = text


def times_ns(texts: Sequence[str]) -> NDArray[np.int64]:
    """The times [n] in ns since 1970, or since 0 where they are plain numbers. Raises NotATime."""
    if not texts:
        return np.zeros(0, np.int64)
    return _numbers(texts) if _number(texts[0]) is not None else _dates(texts)


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    first = abs(_number(texts[0]) or 0.0)
    unit_ns = next((unit for most, unit in _UNITS if first < most), 1)
    times = np.empty(len(texts), np.int64)
    for at, text in enumerate(texts):
        number = _number(text)
        if number is None or abs(number) * unit_ns > _LATEST_S * 1e9:
            raise NotATime(at, text)
        whole = text.strip().removeprefix("-").isdecimal()
        times[at] = int(text) * unit_ns if whole else round(number * unit_ns)
    return times


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _dates(texts: Sequence[str]) -> NDArray[np.int64]:
    times = np.empty(len(texts), np.int64)
    for at, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = _other(at, text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = (moment - _EPOCH) // _MICROSECOND
        if abs(since) > _LATEST_S * 1e6:
            raise NotATime(at, text)
        times[at] = since * 1000
    return times


def _other(at: int, text: str) -> datetime:
    plain = text.strip().replace("/", "-").replace(",", ".")
    for form in _OTHER_FORMS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise NotATime(at, text)
