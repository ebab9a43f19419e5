"""One figure of a board: what we reach, what is wanted, what simple things reach."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """`floor` is what a small baseline was measured to reach, `n` how many events, files or rows stand behind it."""

    board: str
    figure: str
    value: float
    target: float | None = None
    floor: float | None = None
    better: Literal["higher", "lower"] = "higher"
    baselines: dict[str, float] = field(default_factory=dict)
    n: int = 0
    seconds: float = 0.0

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target
