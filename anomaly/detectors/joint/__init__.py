"""Is the machine as a whole unlike itself? All tags of a machine together, row by row. Pure numpy and scipy.special.

    row ──Reference──► residual ──┬─ Deviations: smoothed, against the spread of calm times ──┐
                                  └─ Innovations: what neither the row before nor the other ──┴─► surprise, shares
                                     tags explain, its energy

The level that a row is held against follows slowly, at a limited speed, and stands almost still while the machine is
in alarm, so that a warm-up is forgiven and a fault is not.
"""

from anomaly.detectors.joint.joint import Joint

__all__ = ["Joint"]
