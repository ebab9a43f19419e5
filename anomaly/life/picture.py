"""Forecasts as a picture: one bar a unit, shortest rest on top."""

import io
import math
from collections.abc import Sequence

from anomaly.life.model import Forecast

UNITS_MOST = 60


def draw(forecasts: Sequence[Forecast]) -> bytes:
    """A PNG of at most 60 units, those with the shortest rest; orange where a unit is unfamiliar."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    known = sorted((one for one in forecasts if not math.isnan(one.rul)), key=lambda one: one.rul)[:UNITS_MOST]
    figure = Figure(figsize=(8, 1.4 + 0.22 * max(len(known), 4)), layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(known):
        color = "tab:orange" if one.unfamiliar else "tab:blue"
        axes.plot([one.lower, one.upper], [row, row], color=color, linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot(one.rul, row, "o", color=color)
    axes.set_yticks(range(len(known)), [one.unit for one in known])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("remaining life, in the file's unit of time (bar: 9 of 10 truths; orange: unfamiliar)")
    axes.grid(axis="x", alpha=0.3)
    memory = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(memory, format="png")
    return memory.getvalue()
