"""What a case costs in a week."""

from dataclasses import dataclass

HOURS_PER_WEEK = 168.0


@dataclass(frozen=True, slots=True)
class Price:
    """What a kWh costs. currency: ISO 4217."""

    per_kwh: float
    currency: str


@dataclass(frozen=True, slots=True)
class Cost:
    """kWh and money a week."""

    kwh_per_week: float
    per_week: float
    currency: str


def weekly_cost(excess_kw: float, running_share: float, price: Price) -> Cost:
    """What `excess_kw` costs, taken for `running_share` (0 … 1) of the time; saving instead of losing is negative."""
    kwh = excess_kw * running_share * HOURS_PER_WEEK
    return Cost(kwh, kwh * price.per_kwh, price.currency)
