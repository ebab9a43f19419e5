"""A diagnosis as a picture: the tags that speak for the likeliest known fault, now and in its episode.

rows, answer ──► a row a tag: the file with its normal and fault rows │ the episode
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis.answer import Answer
from anomaly.diagnosis.episodes import Episode
from anomaly.pictures.fonts import USUAL, families

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64s = NDArray[np.float64]

TAGS_MOST = 3
_NOW, _THEN, _FAULT, _NORMAL = "#1f4e79", "#2e7d32", "#b71c1c", "#6d6d6d"


def draw(rows: Float64s, tags: Sequence[str], train_rows: int, answer: Answer, episodes: Sequence[Episode]) -> bytes:
    """A PNG; rows [n, k] of the file, `tags` name its columns."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    episode, shown = _spoken(answer, tags, episodes)
    title = "  ".join(f"{place.label} {place.score:.0%}" for place in answer.ranked)
    told = title + "".join(shown) + (f"{episode.label}{episode.name}" if episode else "")
    with rc_context({"font.size": 8, "text.parse_math": False, "font.family": families(told) or [USUAL]}):
        figure = Figure(figsize=(10, 0.8 + 1.8 * len(shown)), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(title)
        for at, tag in enumerate(shown):
            column = list(tags).index(tag)
            now = figure.add_subplot(len(shown), 2, 2 * at + 1, title="this file" if at == 0 else "", ylabel=tag)
            _now(now, rows[:, column], train_rows, answer.found.get("fault_rows"))
            if episode is not None:
                then = figure.add_subplot(len(shown), 2, 2 * at + 2, sharey=now)
                then.set_title(f"known: {episode.label}, {episode.name}" if at == 0 else "")
                then.plot(episode.rows[:, column], color=_THEN, linewidth=0.8)
        memory = io.BytesIO()
        figure.savefig(memory, format="png", metadata={"Software": None})
    return memory.getvalue()


def _now(axes: "Axes", values: Float64s, train_rows: int, fault_rows: Any) -> None:
    axes.plot(values, color=_NOW, linewidth=0.8)
    axes.axvspan(0, train_rows - 1, color=_NORMAL, alpha=0.12, linewidth=0)
    if fault_rows:
        axes.axvspan(fault_rows["first"], fault_rows["last"], color=_FAULT, alpha=0.1, linewidth=0)


def _spoken(answer: Answer, tags: Sequence[str], episodes: Sequence[Episode]) -> tuple[Episode | None, list[str]]:
    """The episode and the tags of the likeliest known fault; the first tags where none speaks."""
    for place in answer.ranked:
        named = [source.facts["tag"] for source in place.sources if source.kind == "tag"]
        known = [source.facts["episode"] for source in place.sources if source.kind == "episode"]
        if named and known:
            return next(episode for episode in episodes if episode.name == known[0]), named[:TAGS_MOST]
    return None, list(tags[:TAGS_MOST])
