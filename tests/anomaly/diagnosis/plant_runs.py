"""A made machine: eight tags that follow three causes with memory, and six faults that change them differently."""

import numpy as np

TAGS = ("speed", "load", "p1", "p2", "t1", "t2", "flow", "vib")
FAULTS = ("shift_p", "shift_t", "noise_vib", "loose_flow", "drift_t", "both")


def run(rows, seed, fault=None, onset=0):
    """Rows [n, 8] of the machine; the fault is there from row `onset` on."""
    rng = np.random.default_rng(seed)
    causes = _memory(rng.normal(size=(rows + 50, 3)), 0.8)[50:]
    mix = np.random.default_rng(7).normal(size=(3, len(TAGS)))
    values = causes @ mix + 0.3 * rng.normal(size=(rows, len(TAGS)))
    behind = np.arange(rows) >= onset
    _HARM.get(fault, lambda *_: None)(values, behind, rng)
    return 10 + values * np.array([5, 0.1, 1, 3, 20, 0.5, 2, 1])


def _memory(noise, keep):
    out = np.zeros_like(noise)
    for at in range(1, len(noise)):
        out[at] = keep * out[at - 1] + noise[at]
    return out


def _shift(columns, by):
    def harm(values, behind, rng):
        values[np.ix_(behind, columns)] += by

    return harm


def _noise(values, behind, rng):
    values[behind, 7] += 4 * rng.normal(size=behind.sum())


def _loose(values, behind, rng):
    values[behind, 6] = rng.permutation(values[:, 6])[: behind.sum()]


def _drift(values, behind, rng):
    values[behind, 4] += np.linspace(0, 12, behind.sum())


def _both(values, behind, rng):
    values[np.ix_(behind, [2, 5])] += [-5, 5]
    _noise(values, behind, rng)


_HARM = {
    "shift_p": _shift([2, 3], 6.0), "shift_t": _shift([4, 5], -6.0), "noise_vib": _noise, "loose_flow": _loose,
    "drift_t": _drift, "both": _both,
}  # fmt: skip


def library(faults=FAULTS, rows=200, episodes=2):
    """Name, label and rows of known faults."""
    return [
        (f"{fault}-{number}", fault, run(rows, 1000 + 31 * at + number, fault))
        for at, fault in enumerate(faults)
        for number in range(episodes)
    ]
