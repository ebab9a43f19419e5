"""Work: reports and work orders, who does them, and the journal of everything that happened to them.

alarm.raised ──► rules ──► store.create_order ─┐
report ──► reports.submit_report ──────────────┼──► work_order + event + outbox, one transaction
person ──► store.act ──► orders.apply (pure) ──┘
"""

from collections.abc import Sequence


class MaintenanceError(Exception):
    """Root of everything this package raises."""


class UnknownOrder(MaintenanceError):
    """No order has this id in this tenant."""


class UnknownMachine(MaintenanceError):
    """No machine has this id in this tenant."""


class UnknownReport(MaintenanceError):
    """No report has this id in this tenant."""


class BadReport(MaintenanceError):
    """The symptom is not in the table, or an attachment is too large or of no known kind."""


class RequestReused(MaintenanceError):
    """The request id already belongs to something else; the client must make a new one."""


class StaleVersion(MaintenanceError):
    """The order has changed since the caller looked at it; load it again."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the order is at version {version} by now")
        self.version = version


class Refused(MaintenanceError):
    """The action cannot be taken; `allowed` names the actions that can."""

    def __init__(self, why: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{why}; allowed now: {', '.join(allowed) or 'nothing'}")
        self.allowed = list(allowed)


class NotAllowed(Refused):
    """The state of the order does not allow it, whoever asks."""


class Forbidden(Refused):
    """Somebody may do this now, but not this person."""


class Missing(MaintenanceError):
    """The action needs something that was not given or does not fit; `fields` names it as `needs` does."""

    def __init__(self, fields: Sequence[str], why: str) -> None:
        super().__init__(why)
        self.fields = list(fields)
