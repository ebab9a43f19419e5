"""A rolling bearing as geometry, and the acceleration that a worn one and its shaft make.

    geometry, shaft speed ──► defect frequency (BPFO)
    velocity of each source, wear ──► acceleration(t) = shaft orders + bearing tones + ringing after every rolling-over

Formula of the ball-pass frequency of the outer ring: Randall & Antoni, "Rolling element bearing diagnostics, a
tutorial", Mechanical Systems and Signal Processing 25 (2011), table 1; impulse model of the same paper, section 2.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESONANCE_HZ = 3200.0
RINGING_S = 0.001
SLIP = 0.01  # rolling elements do not roll quite purely: each interval varies by about a hundredth
NOISE_M_S2 = 0.3
IMPULSE_M_S2 = 30.0  # peak of the ringing at full wear


@dataclass(frozen=True, slots=True)
class Bearing:
    """A ball bearing; diameters in mm, contact angle in degrees."""

    balls: int
    ball_mm: float
    pitch_mm: float
    contact_deg: float = 0.0

    def outer_ring_hz(self, shaft_hz: float) -> float:
        """How often a ball rolls over one place of the outer ring (BPFO)."""
        ratio = self.ball_mm / self.pitch_mm * math.cos(math.radians(self.contact_deg))
        return self.balls / 2 * shaft_hz * (1 - ratio)


DEEP_GROOVE_6309 = Bearing(balls=8, ball_mm=17.462, pitch_mm=72.5)


@dataclass(frozen=True, slots=True)
class Tone:
    """A sinusoid of vibration velocity: frequency and RMS."""

    hz: float
    rms_mm_s: float


def acceleration(
    tones: list[Tone], defect_hz: float, wear: float, sample_rate_hz: float, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Acceleration in m/s²: the tones, differentiated, and the ringing of a defect as deep as `wear` (0 … 1)."""
    time_s = np.arange(samples) / sample_rate_hz
    signal = NOISE_M_S2 * rng.standard_normal(samples)
    for tone in tones:
        omega = 2 * math.pi * tone.hz
        amplitude = math.sqrt(2) * tone.rms_mm_s * omega / 1000
        signal += amplitude * np.sin(omega * time_s + rng.uniform(0, 2 * math.pi))
    if wear > 0:
        signal += _ringing(defect_hz, wear, sample_rate_hz, samples, rng)
    return signal.astype(np.float32)


def _ringing(
    defect_hz: float, wear: float, sample_rate_hz: float, samples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A train of impulses at the defect's frequency, each ringing down at the housing's resonance."""
    count = math.ceil(samples / sample_rate_hz * defect_hz * 1.1) + 2
    intervals_s = (1 + SLIP * rng.standard_normal(count)) / defect_hz
    hits = np.round(np.cumsum(intervals_s) * sample_rate_hz).astype(np.int64)
    hits = hits[hits < samples]
    train = np.zeros(samples)
    np.add.at(train, hits, wear * IMPULSE_M_S2 * (1 + 0.1 * rng.standard_normal(len(hits))))
    ring_s = np.arange(round(6 * RINGING_S * sample_rate_hz)) / sample_rate_hz
    ring = np.exp(-ring_s / RINGING_S) * np.sin(2 * math.pi * RESONANCE_HZ * ring_s)
    return np.convolve(train, ring)[:samples]
