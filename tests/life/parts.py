"""What tests of remaining life share: small fleets of simulated pumps and models trained on them once."""

from functools import cache
from pathlib import Path

import numpy as np

from anomaly.life.histories import History
from anomaly.life.model import LifeModel
from anomaly.life.training import train
from benchmarks.analytics.wear import COLUMNS, pumps

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
HOURS = 24.0


def fleet(count, mode="bearing", seed=1, hours=HOURS):
    return pumps(count, mode, seed, hours)


@cache
def model_of(count: int, mode: str = "bearing", hours: float = HOURS) -> LifeModel:
    return train(COLUMNS, fleet(count, mode, hours=hours))


def aimless(count, seed=1):
    """Units whose columns say nothing about their end."""
    rng = np.random.default_rng(seed)
    lives = rng.integers(60, 200, count)
    return [History(f"u{at}", np.arange(rows) * 1.0, rng.normal(size=(rows, 3))) for at, rows in enumerate(lives)]
