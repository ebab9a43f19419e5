"""Record, spectrum and envelope spectrum with the bearing's frequencies marked, as PNG or SVG for the evidence.

Scored ──matplotlib, without a screen──► bytes

The same record always gives the same bytes of SVG, so that a hash of the evidence holds.
"""

import io
from typing import TYPE_CHECKING, Literal

import numpy as np

from anomaly.vibration.rhythms import HARMONICS, Part
from anomaly.vibration.score import Scored
from anomaly.vibration.velocity import power_spectrum
from anomaly.vibration.waveform import Float64s

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Form = Literal["png", "svg"]
COLOURS: dict[Part, str] = {"outer race": "#c0392b", "inner race": "#2471a3", "ball": "#239b56"}
_SHORT: dict[Part, str] = {"outer race": "BPFO", "inner race": "BPFI", "ball": "2xBSF"}
_SHAFT_COLOUR = "#888888"
_POINTS_MOST = 1_000
_SHAFT_ORDERS = 3


def picture(scored: Scored, form: Form = "png", title: str = "") -> bytes:
    """The three views of a record as an image."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context({"svg.hashsalt": "linewright", "font.size": 8, "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 8), layout="constrained")
        FigureCanvasAgg(figure)
        verdict = scored.verdict
        heading = f"{verdict.fault}, confidence {verdict.confidence:.2f}" if verdict.confidence else verdict.fault
        figure.suptitle(": ".join(filter(None, (title, heading))) + f"\n{verdict.reason}", fontsize=9)
        top, middle, bottom = figure.subplots(3, 1)
        _draw_record(top, scored)
        _draw_spectrum(middle, scored)
        _draw_envelope(bottom, scored)
        memory = io.BytesIO()
        figure.savefig(memory, format=form, dpi=110, metadata={"Date": None} if form == "svg" else None)
    return memory.getvalue()


def extremes(values: Float64s, most: int = _POINTS_MOST) -> tuple[Float64s, Float64s]:
    """Positions and values with the least and the greatest of every stretch, so that no peak is lost on paper."""
    width = -(-2 * len(values) // most)
    if width <= 2:
        return np.arange(len(values), dtype=np.float64), values
    blocks = values[: len(values) // width * width].reshape(-1, width)
    at = np.sort(np.stack([blocks.argmin(axis=1), blocks.argmax(axis=1)], axis=1), axis=1)
    positions = (at + np.arange(len(blocks))[:, None] * width).ravel()
    return positions.astype(np.float64), values[positions]


def _draw_record(axes: "Axes", scored: Scored) -> None:
    at, values = extremes(scored.wave.acceleration)
    axes.plot(at / scored.wave.rate_hz, values, linewidth=0.5, color="#34495e")
    level = scored.levels
    axes.set(xlabel="time, s", ylabel="acceleration, as measured", xlim=(0, scored.wave.seconds))
    axes.set_title(f"record: RMS {level.rms:.3g}, crest {level.crest:.1f}, kurtosis {level.kurtosis:.1f}", loc="left")


def _draw_spectrum(axes: "Axes", scored: Scored) -> None:
    hz, power = power_spectrum(scored.wave)
    at, decibel = extremes(10 * np.log10(power / power.max() + 1e-12))
    axes.plot(at * hz[1], decibel, linewidth=0.5, color="#34495e")
    for low_hz, high_hz in {rhythm.band_hz for rhythm in scored.rhythms if rhythm.part == scored.verdict.fault}:
        axes.axvspan(low_hz, high_hz, color="#f5b041", alpha=0.25, label="band of the verdict")
        axes.legend(loc="upper right", frameon=False)
    axes.set(xlabel="frequency, Hz", ylabel="dB below the highest", xlim=(0, hz[-1]), ylim=(-90, 3))
    axes.set_title("spectrum of acceleration", loc="left")


def _draw_envelope(axes: "Axes", scored: Scored) -> None:
    best = max(scored.rhythms, key=lambda rhythm: rhythm.strength)
    band = scored.modulation.bands_hz.index(best.band_hz)
    depth = np.sqrt(scored.modulation.depth2[band])
    hz = np.arange(len(depth)) * scored.modulation.step_hz
    shown = hz <= max(HARMONICS) * scored.bearing.inner * scored.shaft_hz * 1.1
    axes.plot(hz[shown], depth[shown], linewidth=0.7, color="#34495e")
    axes.plot(hz[shown], np.sqrt(scored.modulation.background[band])[shown], linewidth=0.7, color="#aaaaaa")
    for order in range(1, _SHAFT_ORDERS + 1):
        axes.axvline(order * scored.shaft_hz, color=_SHAFT_COLOUR, linewidth=0.6, linestyle=":")
    for rhythm in scored.rhythms:
        for harmonic in HARMONICS:
            axes.axvline(
                harmonic * rhythm.found_hz, color=COLOURS[rhythm.part], linewidth=0.8, linestyle="--", alpha=0.8,
                label=f"{_SHORT[rhythm.part]} {rhythm.found_hz:.1f} Hz" if harmonic == 1 else None,
            )  # fmt: skip
    cage_hz = scored.bearing.cage * scored.shaft_hz
    axes.axvline(cage_hz, color="#7d3c98", linewidth=0.6, linestyle="-.", label=f"FTF {cage_hz:.1f} Hz")
    axes.set(xlabel="rhythm, Hz", ylabel="depth of the swing", xlim=(0, float(hz[shown][-1])), ylim=(0, None))
    axes.set_title(
        f"squared envelope of {best.band_hz[0]:.0f} to {best.band_hz[1]:.0f} Hz; dotted: shaft 1x 2x 3x", loc="left"
    )
    axes.legend(loc="upper right", ncols=2, frameon=False)
