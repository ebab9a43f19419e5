"""Simulated machines whose energy is known: a compressor in two-shift work, and one that only feeds leaks."""

import numpy as np

MINUTE_S = 60.0
WEEK = 7 * 24 * 60


def compressor(seed, weeks=2, drift=0.0, products=True):
    """Minutes of power [kW], output [m³/h] and air temperature [°C]; `drift`: share of power more at the end.

    Shifts from 6 to 22 on weekdays, idle between; the demand wanders and jumps with the product.
    """
    rng = np.random.default_rng(seed)
    n = weeks * WEEK
    minute = np.arange(n)
    hour, day = minute / 60 % 24, minute // 1440 % 7
    shift = (hour >= 6) & (hour < 22) & (day < 5)
    level = np.repeat(rng.uniform(150, 350, n // 240 + 1), 240)[:n] if products else np.full(n, 250.0)
    wander = _slow(rng, n, 240, 30.0)
    output = np.where(shift, np.clip(level + wander, 60, 420), 0.0)
    temperature = 22 + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + _slow(rng, n, 1440, 2.0)
    worse = 1 + drift * minute / n
    loaded = (9 + 0.11 * output + 0.15 * (temperature - 22)) * worse + _slow(rng, n, 10, 0.4)
    power = np.where(output > 0, loaded, 8.0) + rng.normal(0, 0.4, n)
    power[rng.random(n) < 0.001] *= 3  # a wild value now and then
    return minute * MINUTE_S, np.column_stack([power, output, temperature])


def leaking(seed, share, cycles=40, period_s=300.0, step_s=5.0):
    """A compressor on a Sunday: on load for `share` of every cycle."""
    rng = np.random.default_rng(seed)
    lengths = rng.normal(period_s, period_s / 15, cycles)
    power = np.concatenate([np.where(np.arange(0, length, step_s) < share * length, 37.0, 11.0) for length in lengths])
    return np.arange(len(power)) * step_s, power + rng.normal(0, 0.5, len(power))


def _slow(rng, n, over, size):
    """Noise that lasts for about `over` minutes."""
    memory = np.exp(-1 / over)
    steps = rng.normal(0, size * np.sqrt(1 - memory**2), n)
    found = np.empty(n)
    value = rng.normal(0, size)
    for at in range(n):
        value = memory * value + steps[at]
        found[at] = value
    return found
