"""Detectors: pure numpy, all series at once, no I/O, so that a floor box can run the same ones.

    Block ──update──► transitions        state ──snapshot──► bytes ──restore──► the same state, bit for bit

Every detector is prefix-invariant: what it says of a sample depends on that sample and the ones before it, never on
how the samples were cut into blocks.
"""
