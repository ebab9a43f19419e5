"""The box on the factory floor: reads the machines and loses nothing on the way to the cloud.

    drivers ──Columns──► pollers ──► intake ──► recorder ──► spool (SQLite) ──► uplink ──► broker
                                                               ▲                  │
                                                               └──── receipts ────┘

One asyncio process: a task per endpoint, one timer for all polls, one thread for the disk.
"""


class GatewayError(Exception):
    """Root of everything this package raises."""


class SpoolUnwritable(GatewayError):
    """The spool could not be written (disk full, read-only, I/O error); what is in memory waits, try again."""


class SpoolTaken(GatewayError):
    """Another process uses this spool; two gateways must never share one."""


class DriverStopped(GatewayError):
    """A task of a driver ended that never ends; its supervisor starts the driver anew."""
