"""The picture of one snapshot: a row a tag with limits, expected value and band, then the curves, one below another.

The same snapshot gives the same picture, so it may be kept for ever under the snapshot's hash.
"""

import io
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from anomaly import NoPictures
from anomaly.evidence import Snapshot, read
from anomaly.pictures.fonts import families
from anomaly.records import Curve, Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Format = Literal["png", "svg"]

VERSION = 1  # of what is drawn; another one is another picture of the same snapshot
ROWS_MOST = 8
_WIDTH_IN, _ROW_IN, _HEAD_IN = 9.0, 1.9, 0.9
_VALUE, _EXPECTED, _LIMIT, _ONSET = "#1f4e79", "#2e7d32", "#b71c1c", "#6d6d6d"
# matplotlib's settings are those of the whole process.
_drawing = threading.Lock()


def draw(snapshot: str, sha256: bytes, form: Format = "png") -> bytes:
    """The picture as PNG or SVG.

    Raises:
        DamagedEvidence: the snapshot is not what was frozen.
        NoPictures: matplotlib is not installed.
    """
    found = read(snapshot, sha256)
    with _drawing:
        try:
            return _drawn(found, sha256, form)
        except ModuleNotFoundError as error:
            raise NoPictures("pictures need matplotlib, which is not installed on this server") from error


def _drawn(found: Snapshot, sha256: bytes, form: Format) -> bytes:
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows: list[Shown | Curve] = [*found.shown]
    rows = [*rows, *found.curves][:ROWS_MOST]
    with rc_context({"svg.hashsalt": "linewright", "font.size": 8, "svg.fonttype": "path", "text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH_IN, _HEAD_IN + _ROW_IN * max(len(rows), 1)), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        _head(figure, found, sha256)
        for number, row in enumerate(rows):
            axes = figure.add_subplot(len(rows), 1, number + 1)
            if isinstance(row, Curve):
                _curve(axes, row)
            else:
                _tag(axes, row, found, last=number == len(found.shown) - 1)
        memory = io.BytesIO()
        figure.savefig(memory, format=form, metadata={"Date": None} if form == "svg" else {"Software": None})
    return memory.getvalue()


def _head(figure: Any, found: Snapshot, sha256: bytes) -> None:
    onset = datetime.fromtimestamp(found.onset_ms / 1000, UTC)
    told = (
        f"{found.machine}: {found.cause} ({found.detector}, {found.model_version}) from {onset:%Y-%m-%d %H:%M:%S} UTC"
    )
    shown = families(told)
    figure.suptitle(
        f"{told if shown else found.cause.encode('ascii', 'replace').decode()}\n"
        f"evidence sha256 {sha256.hex()[:16]}…", family=shown or ["DejaVu Sans"], fontsize=9,
    )  # fmt: skip


def _tag(axes: "Axes", shown: Shown, found: Snapshot, *, last: bool) -> None:
    minutes = [(time_ms - found.onset_ms) / 60_000 for time_ms in shown.times_ms]
    values = [float("nan") if value is None else value for value in shown.values]
    if shown.band:
        axes.axhspan(*shown.band, color=_EXPECTED, alpha=0.12, linewidth=0)
    if shown.expected is not None:
        axes.axhline(shown.expected, color=_EXPECTED, linewidth=0.9, linestyle="--")
    for kind, threshold in sorted(shown.limits.items()):
        axes.axhline(threshold, color=_LIMIT, linewidth=0.9)
        axes.annotate(f"{kind} {threshold:g}", (0.0, threshold), xycoords=("axes fraction", "data"), ha="left",
                      va="bottom", color=_LIMIT, fontsize=7)  # fmt: skip
    axes.plot(minutes, values, color=_VALUE, linewidth=1.0, marker="." if len(values) < 40 else "", markersize=3)
    axes.axvline(0.0, color=_ONSET, linewidth=0.8, linestyle=":")
    share = dict(found.contributions).get(shown.tag.slug)
    name, family = _readable(shown.tag.name, shown.tag.slug)
    unit, _ = _readable(shown.tag.unit, "")
    told = f"{name} [{unit}]" if unit else name
    axes.set_title(told if share is None else f"{told}   {share:.0%} of the score", loc="left", family=family)
    axes.set_xlabel("minutes from the onset" if last else "")
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.margins(x=0.01)


def _curve(axes: "Axes", curve: Curve) -> None:
    axes.plot(curve.x, curve.y, color=_VALUE, linewidth=0.8)
    for at, name in curve.marks:
        axes.axvline(at, color=_LIMIT, linewidth=0.8, linestyle="--")
        label, family = _readable(name, f"{at:g}")
        axes.annotate(label, (at, 1.0), xycoords=("data", "axes fraction"), va="top", color=_LIMIT, fontsize=7,
                      family=family)  # fmt: skip
    kind, family = _readable(curve.kind.replace("_", " "), "curve")
    axes.set_title(kind, loc="left", family=family)
    for put, name, unit in (
        (axes.set_xlabel, curve.x_name, curve.x_unit),
        (axes.set_ylabel, curve.y_name, curve.y_unit),
    ):
        text, family = _readable(f"{name} [{unit}]", unit if unit.isascii() else "")
        put(text, family=family)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.margins(x=0.01)


def _readable(text: str, instead: str) -> tuple[str, list[str]]:
    """The text with fonts that have it, or what stands for it."""
    found = families(text)
    return (text, found) if found else (instead, ["DejaVu Sans"])
