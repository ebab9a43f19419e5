"""Scores, cases and the tags behind them as one picture.

score with its threshold, cases shaded │ below it a row a tag: measured, and what was expected
"""

import io

import numpy as np

from anomaly.pictures.fonts import USUAL, families
from anomaly.scoring.verdicts import KINDS, Verdicts
from anomaly.tables.table import Table

TAGS_MOST = 6
POINTS_MOST = 4000
_SHADES = {"machine": "tab:red", "sensor": "tab:orange", "process": "tab:purple"}


def draw(table: Table, verdicts: Verdicts, train_rows: int = 0) -> bytes:
    """A PNG; of a long file every so many rows, always with the greatest score between them."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    tags, rows = _tags(verdicts, len(table.names)), _rows(verdicts.score)
    fonts = families("".join(table.names[tag] for tag in tags))
    names = {tag: table.names[tag] if fonts else f"tag {tag + 1}" for tag in tags}
    with rc_context({"font.family": fonts or [USUAL], "font.size": 8, "text.parse_math": False}):
        figure = Figure(figsize=(10, 2.4 + 1.5 * len(tags)), dpi=110, layout="constrained")
        every = figure.subplots(1 + len(tags), 1, sharex=True, squeeze=False)[:, 0]
        every[0].plot(rows, verdicts.score[rows], color="black", linewidth=0.8)
        every[0].axhline(1.0, color="tab:red", linewidth=0.6, linestyle="--")
        every[0].set_yscale("symlog", linthresh=1.0)
        every[0].yaxis.set_major_formatter("{x:g}")
        every[0].set_title("score (1 = threshold; shaded: case; grey: learning)", loc="left")
        for axes, tag in zip(every[1:], tags, strict=True):
            axes.plot(rows, verdicts.expected[rows, tag], color="tab:green", linewidth=0.8)
            axes.plot(rows, table.values[rows, tag], color="tab:blue", linewidth=0.6)
            axes.set_title(f"{names[tag]} (blue: measured, green: expected)", loc="left")
        for axes in every:
            axes.axvspan(0, train_rows, color="grey", alpha=0.15, linewidth=0)
            for start, stop, kind in _cases(verdicts):
                axes.axvspan(start, stop, color=_SHADES[kind], alpha=0.2, linewidth=0)
        every[-1].set_xlabel("row")
        memory = io.BytesIO()
        FigureCanvasAgg(figure).print_png(memory)  # type: ignore[no-untyped-call]
    return memory.getvalue()


def _tags(verdicts: Verdicts, tags: int) -> list[int]:
    """The tags that cases name most often; the first ones where there is no case."""
    named = verdicts.tags[verdicts.tags >= 0]
    counts = np.bincount(named, minlength=tags) if len(named) else np.ones(tags)
    order = np.argsort(-counts, kind="stable")[:TAGS_MOST]
    return [int(tag) for tag in order if counts[tag]]


def _rows(score: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    n = len(score)
    if n <= POINTS_MOST:
        return np.arange(n)
    stretches = np.array_split(np.arange(n), POINTS_MOST // 2)
    return np.unique([row for part in stretches for row in (part[0], part[np.argmax(score[part])])])


def _cases(verdicts: Verdicts) -> list[tuple[int, int, str]]:
    edges = np.flatnonzero(np.diff(np.r_[0, verdicts.case, 0]))
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [(start, stop, KINDS[verdicts.kind[start]]) for start, stop in pairs if verdicts.case[start]]
