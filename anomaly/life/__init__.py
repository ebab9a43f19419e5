"""Remaining life and health: how long a machine or part will last, between which bounds, and why.

    histories of units that failed ──features──► health score ──cross-validated──► LifeModel ──► model file (no pickle)
    rows of a unit that runs ──same features──► score ──belief (what became of like moments)──► rul, bounds, reason
    dates of installing and failing ──► weibull, kaplan_meier ──► remaining life of an installed part

`boosting` needs scikit-learn and runs in the cloud only; everything that predicts needs numpy and scipy.
"""

from anomaly import AnomalyError


class LifeError(AnomalyError):
    """Root of what this room raises."""


class BadHistory(LifeError):
    """The histories cannot teach or be judged: too few units, no numbers; the message names the way out."""


class WrongColumns(LifeError):
    """The rows lack columns that the model was trained on; the message names them."""


class BadModelFile(LifeError):
    """The file holds no model of this kind, is damaged, or was written by a newer version."""


class BadLives(LifeError):
    """Lives that no distribution can be fitted to: none failed, or not positive."""


class MissingLibrary(LifeError):
    """Training needs a library that is not installed; the message names it."""
