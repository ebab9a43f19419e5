"""Batches from the broker become rows of the database, however often they were delivered: once.

    broker ─► subscriber ─► intake ─► grouper ─► rows ─► writer: ledger + COPY, one transaction ─► ack ─► receipt
                 (thread)   decode,              sort,           │
                            catalogs             numpy           └► dead letters, quarantine: in the same transaction

`history` is the way back: telemetry out of the database, for screens and detectors.
"""


class IngestError(Exception):
    """Root of everything this package raises."""
