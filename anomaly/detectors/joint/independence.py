"""How much is really known: rows of a plant resemble each other, so a thousand rows are worth fewer.

Sources: Geyer, "Practical Markov Chain Monte Carlo", Statistical Science 7 (1992): the correlation time as the sum of
the autocorrelations up to the first that is lost in noise; Cochran (1934): a variance of ν independent values is
chi-squared with ν degrees of freedom.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from anomaly.rows import Float64s

_LOST = 0.05  # an autocorrelation below this is noise
_LAGS_SHARE = 3  # of n rows at most n/3 lags can be judged
EFFECTIVE_LEAST = 1.5
_SHRINK_LEAST = 0.1


def effective_rows(values: Float64s) -> Float64s:
    """[k]: how many independent rows the rows of `values` [n, k] are worth."""
    n, k = values.shape
    centred = values - values.mean(axis=0)
    variance = np.maximum((centred**2).mean(axis=0), 1e-300)
    times = np.ones(k)
    live = np.ones(k, bool)
    for lag in range(1, n // _LAGS_SHARE):
        correlation = (centred[lag:] * centred[:-lag]).mean(axis=0) / variance
        live &= correlation > _LOST
        if not live.any():
            break
        times += 2 * np.where(live, correlation, 0.0)
    result: Float64s = np.maximum(n / times, EFFECTIVE_LEAST)
    return result


def widening(effective: Float64s, doubt: float) -> Float64s:
    """[k]: by how much a variance estimated from so many rows is raised so that it is too small in `doubt` of cases."""
    result: Float64s = effective / (2 * gammaincinv(effective / 2, doubt))
    return result


def smooth(values: Float64s, rate: float, start: Float64s) -> Float64s:
    """The exponentially weighted mean of the rows so far, [n, k]."""
    smoothed = np.empty_like(values)
    level = start
    for row in range(len(values)):
        level = level + rate * (values[row] - level)
        smoothed[row] = level
    return smoothed


def decorrelation(values: Float64s) -> Float64s:
    """[k, k]: the inverse of the correlations of `values` [n, k], shrunk toward none where rows are few for the tags.

    Source: Ledoit & Wolf, J. Multivariate Analysis 88 (2004), for the form; the weight is k / (k + n).
    """
    n, k = values.shape
    scale = np.sqrt(np.maximum((values**2).mean(axis=0), 1e-300))
    unit = values / scale
    correlation = unit.T @ unit / n
    weight = max(_SHRINK_LEAST, k / (k + n))
    correlation *= 1 - weight
    np.fill_diagonal(correlation, 1.0)
    result: Float64s = np.linalg.inv(correlation)
    return result


def implied(precision: Float64s, values: Float64s, out: NDArray[np.bool_]) -> Float64s:
    """`values` [..., k] with what those of the tags `out` [k] are expected to be, given the others.

    With these the squared distance by `precision` [k, k] is that of the others alone, and `out` has no share in it.
    """
    filled = values.copy()
    filled[..., out] = -values[..., ~out] @ np.linalg.solve(precision[np.ix_(out, out)], precision[np.ix_(out, ~out)]).T
    return filled


def tail_of(distances: Float64s) -> Float64s:
    """[2]: shape and scale of the gamma distribution with the mean and variance of `distances` [n].

    Source: Box, Ann. Math. Stat. 25 (1954): quadratic forms as g·χ²(h).
    """
    mean, variance = float(distances.mean()), max(float(distances.var()), 1e-12)
    return np.array([mean * mean / variance, variance / mean])
