"""From samples to alarms: limits and a statistical detector per machine, cases, ISA-18.2 states, frozen evidence.

batch ─► source ─► watch: detectors ─► cases ──raise, clear──► store: alarm + event + evidence + outbox
"""


class AnomalyError(Exception):
    """Root of everything this package raises."""


class UnreadableState(AnomalyError):
    """A saved detector state is damaged or of another version; the detector starts anew."""


class UnknownAlarm(AnomalyError):
    """No alarm has this id in this tenant."""


class DamagedEvidence(AnomalyError):
    """What is stored is not what was frozen, or was frozen by a program newer than this one."""


class NoPictures(AnomalyError):
    """matplotlib is not installed here."""


class UnknownStanding(AnomalyError):
    """No rule with this id was ever promoted or demoted in this tenant."""


class UnknownPattern(AnomalyError):
    """No pattern that is still silent has this id in this tenant."""


class UnknownStop(AnomalyError):
    """No planned stop has this id in this tenant."""


class UnknownDependency(AnomalyError):
    """No dependency between machines has this id in this tenant."""


class CircularDependency(AnomalyError):
    """Two machines would explain each other's alarms."""


class NotPossible(AnomalyError):
    """The alarm's state does not allow the action."""
