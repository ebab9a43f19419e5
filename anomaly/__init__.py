"""From samples to alarms: limits and a statistical detector per machine, cases, ISA-18.2 states, frozen evidence.

batch ─► source ─► watch: detectors ─► cases ──raise, clear──► store: alarm + event + evidence + outbox
"""


class AnomalyError(Exception):
    """Root of everything this package raises."""


class UnreadableState(AnomalyError):
    """A saved detector state is damaged or of another version; the detector starts anew."""


class UnknownAlarm(AnomalyError):
    """No alarm has this id in this tenant."""


class NotPossible(AnomalyError):
    """The alarm's state does not allow the action."""
