"""Life distributions against published tables; the data stand in tests/golden/lives.csv with their sources."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from anomaly.life import BadLives
from anomaly.life.fleet import learn_fleet
from anomaly.life.kaplan_meier import kaplan_meier
from anomaly.life.weibull import Weibull, fit_weibull

LIVES = Path(__file__).parents[1] / "golden" / "lives.csv"


def lives(name):
    with LIVES.open() as file:
        rows = [row for row in csv.DictReader(file) if row["data"] == name]
    return [float(row["life"]) for row in rows], [row["failed"] == "1" for row in rows]


def test_nist_handbook():
    """NIST/SEMATECH e-Handbook, 8.4.1.3: scale 606.5280, shape 1.7208, log-likelihood -75.135, mean 540.737."""
    fit = fit_weibull(*lives("nist"))
    assert fit.best.scale == pytest.approx(606.528, abs=1e-3)
    assert fit.best.shape == pytest.approx(1.7208, abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-75.135, abs=5e-4)
    assert fit.best.mean == pytest.approx(540.737, abs=2e-3)
    assert (fit.lives, fit.failed) == (20, 10)


def test_ball_bearings():
    """Lawless, Statistical Models and Methods for Lifetime Data (2003), section 5.2: 81.88, 2.102, -113.691."""
    fit = fit_weibull(*lives("bearings"))
    assert fit.best.scale == pytest.approx(81.88, abs=0.01)
    assert fit.best.shape == pytest.approx(2.102, abs=0.001)
    assert fit.log_likelihood == pytest.approx(-113.691, abs=0.002)


def test_leukemia_remissions():
    """Freireich's 6-MP arm as in Collett, Modelling Survival Data (2015), and R's survfit(conf.type = "log-log")."""
    curve = kaplan_meier(*lives("freireich"))
    assert curve.age.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(curve.share, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5.1e-4)
    np.testing.assert_allclose(
        curve.standard_error, [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], atol=5.1e-5
    )
    np.testing.assert_allclose(curve.lower, [0.620, 0.563, 0.503, 0.432, 0.368, 0.268, 0.188], atol=5.1e-4)
    np.testing.assert_allclose(curve.upper, [0.952, 0.923, 0.889, 0.849, 0.805, 0.747, 0.680], atol=5.1e-4)
    assert curve.reached(0.5) == 23
    assert curve.at(9.5) == pytest.approx(0.807, abs=5e-4)


def test_a_curve_that_ends_at_nothing():
    curve = kaplan_meier([1, 2, 3], [True, True, True])
    assert curve.share[-1] == 0
    assert curve.lower[-1] == 0
    assert np.isnan(curve.upper[-1])


def test_censored_lives_make_the_estimate_longer_not_shorter():
    time, failed = lives("nist")
    only_failures = fit_weibull(time[:10], failed[:10])
    assert fit_weibull(time, failed).best.mean > 1.5 * only_failures.best.mean


@pytest.mark.parametrize("age", [0.0, 50.0, 400.0])
@pytest.mark.parametrize("shape", [0.7, 1.0, 3.0])
def test_mean_residual_life_is_the_integral_of_survival(age, shape):
    one = Weibull(shape, 100.0)
    area, _ = integrate.quad(lambda t: float(one.survival(age + t)), 0, 60_000, limit=400, points=[10, 100, 1000])
    assert one.mean_remaining(age) == pytest.approx(area / float(one.survival(age)), rel=1e-4)


def test_far_beyond_every_life_the_mean_rest_stays_a_number():
    assert 0 < Weibull(3.0, 100.0).mean_remaining(5000.0) < 0.02


def test_profile_bounds_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(80):
        time = 100 * rng.weibull(2.0, 25)
        bounds = fit_weibull(np.minimum(time, 120), time < 120, level=0.9).shape_bounds
        hits += bounds[0] <= 2.0 <= bounds[1]
    assert 64 <= hits <= 79


def test_the_fleet_covers_the_next_life_with_few_lives_known():
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(150):
        *known, new = 100 * rng.weibull(2.5, 6)
        rest = learn_fleet(known).rest(1e-6)
        hits += rest.quantile(0.05) <= new <= rest.quantile(0.95)
    assert hits >= 127


@pytest.mark.parametrize(("time", "failed"), [([], []), ([1.0, -2.0], [1, 1]), ([5.0, 6.0], [0, 1]), ([5, 5], [1, 1])])
def test_what_cannot_be_fitted_is_refused(time, failed):
    with pytest.raises(BadLives):
        fit_weibull(time, failed)
