"""Bursts as devices publish them."""

from uuid import UUID

import numpy as np

from ingest_service.delivery import Message
from protocols.topics import Up
from protocols.wire.batch import BatchHeader
from protocols.wire.waveform import Waveform, WaveformPart, encode, parts_needed, parts_of
from runtime.clock import ClockState
from tests.ingest_service.ingest_parts import GATEWAY, NOW_NS

THREE_PARTS = 1_200_000  # values of i2


def burst(n: int, *, start_ns: int = NOW_NS, alias: int = 0, seed: int = 1) -> Waveform:
    """Noise of a 25.6 kHz sensor, 1 mm/s² a step."""
    raw = np.random.default_rng(seed).integers(-3000, 3000, n).astype("<i2")
    return Waveform(alias, start_ns, 25_600.0, 0.001, raw)


def parts(waveform: Waveform, run: UUID, first_seq: int = 1, revision: int = 1) -> list[WaveformPart]:
    """With numbers from `first_seq`."""
    numbers = range(first_seq, first_seq + parts_needed(waveform))
    return parts_of(waveform, [BatchHeader(run, seq, revision, ClockState.SYNCED, 0) for seq in numbers])


def wave_message(part: WaveformPart) -> Message:
    return Message(GATEWAY.up(Up.WAVE), encode(part))
