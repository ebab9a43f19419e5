"""Whether a machine stands: the tags that are never near zero at work are there at once.

It may never have stood while it was learned, so this needs no example of it, only that zero means zero in these tags.
"""

import numpy as np

from anomaly.validity.runs import Bools, Floats

_AT_WORK_SHARE = 0.3  # a tag whose low end is above this share of its median is never near zero at work
_LOW_END = 0.1
_NEAR_ZERO_SHARE = 0.05
_TAGS_LEAST = 3
_TAGS_SHARE = 0.4


def near_zero(value: Floats) -> Floats:
    """[k] from rows [n, k]: below this a tag is at rest; NaN for tags that say nothing of it."""
    near = np.full(value.shape[1], np.nan)
    for tag, column in enumerate(value.T):
        known = np.abs(column[~np.isnan(column)])
        if len(known):
            middle = float(np.median(known))
            at_work = float(np.quantile(known, _LOW_END)) > _AT_WORK_SHARE * middle > 0
            near[tag] = _NEAR_ZERO_SHARE * middle if at_work else np.nan
    return near


def stands(value: Floats, near: Floats) -> Bools:
    """[n]: enough of the tags that were measured are below `near` [k]."""
    known = ~np.isnan(value) & ~np.isnan(near)
    low = known & (np.abs(value) < near)
    standing: Bools = low.sum(axis=1) >= np.maximum(_TAGS_LEAST, _TAGS_SHARE * known.sum(axis=1))
    return standing
