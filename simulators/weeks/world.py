"""What all machines of a plant live in, minute by minute: weather, shifts, demand; lags and wanders to build with."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

DAY_MIN = 1440
WEEK_MIN = 7 * DAY_MIN
START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
START_NS = int(START.timestamp()) * 1_000_000_000
MINUTE_NS = 60_000_000_000


def lag(target: Floats, tau_min: float) -> Floats:
    """First-order lag behind `target` [n], settled at the start."""
    kept = float(np.exp(-1 / tau_min))
    followed, _ = lfilter([1 - kept], [1, -kept], target, zi=[kept * target[0]])
    return np.asarray(followed, np.float64)


@dataclass(frozen=True, slots=True)
class World:
    """n minutes from a Monday midnight on; each machine has its own random numbers."""

    minutes: int
    rng: np.random.Generator

    @property
    def minute(self) -> NDArray[np.int64]:
        return np.arange(self.minutes)

    def wander(self, tau_min: float) -> Floats:
        """Deviation 1 around 0, remembered for about `tau_min` (Ornstein-Uhlenbeck process)."""
        kept = float(np.exp(-1 / tau_min))
        drive = self.rng.standard_normal(self.minutes) * np.sqrt(1 - kept * kept)
        start = self.rng.standard_normal()
        wandered, _ = lfilter([1.0], [1.0, -kept], drive, zi=[kept * start])
        return np.asarray(wandered, np.float64)

    def ambient_c(self) -> Floats:
        """Of the hall: warm afternoons, weather of some days, and spring: 1 °C a week."""
        day = np.sin(2 * np.pi * (self.minute / DAY_MIN - 0.375))
        ambient: Floats = 18 + self.minute / WEEK_MIN + 3 * day + 1.5 * lag(self.wander(2 * DAY_MIN), 120)
        return ambient

    def demand(self) -> Floats:
        """Share of full demand that a plant takes: more by day, less at weekends, and never the same."""
        hour, weekday = self.minute % DAY_MIN / 60, self.minute // DAY_MIN % 7
        day = 0.5 + 0.25 * np.clip(np.sin(np.pi * (hour - 5) / 15), 0, None)
        return np.clip(day * np.where(weekday >= 5, 0.8, 1.0) + 0.04 * self.wander(90), 0.3, 0.95)

    def shifts(self, first_h: float, last_h: float, days: int) -> NDArray[np.bool_]:
        """Working between two hours on the first `days` days of a week, with breaks and a late start now and then."""
        on = np.zeros(self.minutes, bool)
        for day in range(-(-self.minutes // DAY_MIN)):
            if day % 7 < days:
                start = day * DAY_MIN + 60 * first_h + self.rng.exponential(10)
                end = day * DAY_MIN + 60 * last_h + self.rng.normal(0, 10)
                on[int(start) : int(end)] = True
                if self.rng.random() < 0.3:
                    stop = int(self.rng.uniform(start + 60, end - 90))
                    on[stop : stop + int(self.rng.uniform(10, 60))] = False
        return on

    def always_but(self, stops_a_week: float) -> NDArray[np.bool_]:
        """Runs day and night apart from a few stops of 20 to 120 minutes."""
        on = np.ones(self.minutes, bool)
        for start in np.flatnonzero(self.rng.random(self.minutes) < stops_a_week / WEEK_MIN).tolist():
            on[start : start + int(self.rng.uniform(20, 120))] = False
        return on

    def products(self, count: int, hours: float) -> NDArray[np.int64]:
        """Which product is made: one after the other, each for `hours` or so."""
        product = np.zeros(self.minutes, np.int64)
        at, now = 0, 0
        while at < self.minutes:
            length = int(60 * hours * self.rng.uniform(0.6, 1.4))
            product[at : at + length] = now
            at, now = at + length, (now + 1) % count
        return product
