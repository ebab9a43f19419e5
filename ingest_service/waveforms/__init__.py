"""Bursts of fast sensors: in by parts, out whole.

    …/up/wave ──reader──► part ──the group's transaction──► telemetry.waveform, waveform_part
                                                                     │ all parts there
    list, find, load (the hash is verified) ◄────────────────────────┘

A part is a batch to the ledger: a number of its run, a hash, a receipt. Whether a burst is whole is asked when it is
read, so nobody has to be the one who brings the last part.
"""

from ingest_service import IngestError


class UnknownWaveform(IngestError):
    """There is none of this id, or a part of it is missing, or the tenant may not see it."""


class DamagedWaveform(IngestError):
    """Its parts are there and do not give what was measured."""
