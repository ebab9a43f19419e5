"""Single tags judged by themselves: level, season, scatter and drift, each against its own past. numpy only.

    Rows ──Baseline.judge──► Judgement: surprise, rarity, alarm, each [n, k]

`docs/explanation/baselines-and-tails.md` tells how it works and where it ends.
"""

from anomaly.baseline.baseline import Baseline
from anomaly.baseline.judgement import Judgement

__all__ = ["Baseline", "Judgement"]
