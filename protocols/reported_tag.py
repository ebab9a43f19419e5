"""What is told of a tag, read or derived: its name, its unit, and how its values are thinned on the way.

    every value read ──► windows (min, max, mean …) ──► `<tag>-min`, `<tag>-max`, `<tag>-mean`
                └──────► deadband or on change, longest silence, least interval ──► `<tag>`

Without any of these every value is reported. docs/how-to/shape-data.md says what each of them loses and guarantees.
"""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from protocols.sample import ValueKind
from protocols.wire.catalog import ID
from runtime.settings import Settings

Statistic = Literal["min", "max", "mean", "count", "last"]

_NUMERIC = (ValueKind.FLOAT, ValueKind.INT)
_THINNING = ("deadband", "deadband_percent", "on_change", "max_silence_s", "least_interval_s")


class WindowTag(NamedTuple):
    """One tag that a window makes: `<tag>-<statistic>`."""

    statistic: Statistic
    tag: str
    kind: ValueKind


class WindowSettings(Settings):
    """Statistics of a tag over windows that follow the wall clock (UTC), each stamped at its end."""

    every_s: float = Field(ge=0.1, le=86_400, description="Length of a window; 60: from minute to minute.")
    of: tuple[Statistic, ...] = Field(
        ("min", "max", "mean"), min_length=1, description="min, max, mean, count, last: one tag each, <tag>-min …"
    )
    raw: bool = Field(default=True, description="False: the single values are not reported, only the statistics.")

    @model_validator(mode="after")
    def _keeps_spikes(self) -> Self:
        if not self.raw and not {"min", "max"} <= set(self.of):
            raise ValueError('with raw = false a spike would be gone; keep "min" and "max" in `of`')
        return self


class ReportedTag(Settings):
    """One tag as the cloud sees it."""

    range_checked: ClassVar[bool] = False  # True where the driver already makes what is out of `range` BAD

    tag: str = Field(pattern=ID, description="Name of the tag, unique on its machine.")
    unit: str = Field("", max_length=32, description="Unit of the value as stored.")
    keep: Literal["low", "normal", "high"] = Field(
        "normal", description="Its worth when the spool is full: low is thinned and dropped first, high last."
    )
    range: tuple[float, float] | None = Field(
        None, description="Outside of [low, high] the sample is BAD out_of_range; deadband_percent is of this span."
    )
    deadband: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Reported only when it has moved further than this, in its unit."
    )
    deadband_percent: float | None = Field(
        None, gt=0, le=100, description="The same as a percentage of the span of `range`."
    )
    on_change: bool = Field(
        default=False, description="Reported only when it is another value than the last one reported."
    )
    max_silence_s: float | None = Field(
        None, gt=0, le=86_400, description="After this long the next value is reported, whatever it is."
    )
    least_interval_s: float | None = Field(
        None, gt=0, le=86_400, description="At most one value in this time: the last one; quality changes at once."
    )
    window: WindowSettings | None = Field(None, description="Statistics beside or instead of the single values.")
    stale_after_s: float | None = Field(
        None, gt=0, le=86_400, description="Without a value for this long the tag is told once as BAD stale."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for problem in self._contradictions():
            raise ValueError(f"tag {self.tag}: {problem}")
        return self

    def _contradictions(self) -> Iterator[str]:
        yield from self._range_problems()
        changes = [name for name in ("deadband", "deadband_percent", "on_change") if self._has(name)]
        if len(changes) > 1:
            yield f"{' and '.join(changes)} say the same thing in different ways; keep one"
        if self.max_silence_s and not changes:
            yield "max_silence_s needs deadband, deadband_percent or on_change; without them nothing is silent"
        if self.max_silence_s and self.least_interval_s and self.max_silence_s < self.least_interval_s:
            yield "max_silence_s is shorter than least_interval_s; make it longer"
        if self.window and not self.window.raw and self.thinned:
            named = ", ".join(name for name in _THINNING if self._has(name))
            yield f"window.raw = false reports no single values, so {named} would do nothing; remove one of them"
        for made in self.window_tags(ValueKind.FLOAT):
            if not re.fullmatch(ID, made.tag):
                yield f"{made.tag} is too long for a tag name; shorten {self.tag}"

    def _range_problems(self) -> Iterator[str]:
        if self.range and not self.range[0] <= self.range[1]:
            yield f"range {list(self.range)} is upside down; write [low, high]"
        if self.deadband_percent and (not self.range or self.range[0] == self.range[1]):
            yield "deadband_percent is a percentage of the span of `range`; give range = [low, high], or use deadband"

    def _has(self, name: str) -> bool:
        value = getattr(self, name)
        return value is not None and value is not False

    def check_kind(self, kind: ValueKind) -> None:
        """Raises ValueError where a setting makes no sense for values of this kind."""
        if kind in _NUMERIC:
            return
        for name in ("range", "deadband", "deadband_percent", "window"):
            if self._has(name):
                raise ValueError(f"tag {self.tag}: {name} is for numbers, not for {kind.name.lower()}; use on_change")

    @property
    def thinned(self) -> bool:
        """Not every single value is reported."""
        return any(self._has(name) for name in _THINNING)

    @property
    def shaped(self) -> bool:
        """Something stands between its reads and its reports."""
        checked = self.range is not None and not self.range_checked
        return self.thinned or checked or self.window is not None or self.stale_after_s is not None

    @property
    def hidden(self) -> bool:
        """Read, but not reported itself: only its windows are."""
        return self.window is not None and not self.window.raw

    @property
    def least_move(self) -> float | None:
        """The deadband in the unit of the value; 0: any change; None: every value is reported."""
        if self.deadband_percent and self.range:
            return self.deadband_percent / 100 * (self.range[1] - self.range[0])
        return 0.0 if self.on_change else self.deadband

    def window_tags(self, kind: ValueKind) -> list[WindowTag]:
        """The tags its window makes; `kind` is that of its own values."""
        kinds: dict[Statistic, ValueKind] = {"mean": ValueKind.FLOAT, "count": ValueKind.INT}
        of = dict.fromkeys(self.window.of) if self.window else ()
        return [WindowTag(statistic, f"{self.tag}-{statistic}", kinds.get(statistic, kind)) for statistic in of]
