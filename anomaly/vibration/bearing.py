"""A rolling bearing as its geometry, and the rhythms a defect on each of its parts has.

"n=9,d=7.94,D=39.04,angle=0" ──parse──► Bearing ──► BPFO, BPFI, 2xBSF, FTF in orders of the shaft

Formulas: Randall & Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing
25 (2011), equations 1 to 4; the outer ring stands, the inner one turns with the shaft, and nothing slides.
"""

import math
import re
from dataclasses import dataclass

from anomaly.vibration import BadBearing

_FORM = "n=9,d=7.94,D=39.04,angle=0 (balls, ball and pitch diameter in one unit, contact angle in degrees)"
_BALLS_MOST = 200
_ANGLE_MOST_DEG = 80.0


@dataclass(frozen=True, slots=True)
class Bearing:
    """`ball` and `pitch` are diameters in one unit, `angle_deg` is the contact angle. Raises BadBearing."""

    balls: int
    ball: float
    pitch: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        if not 3 <= self.balls <= _BALLS_MOST:
            raise BadBearing(f"a bearing has 3 to {_BALLS_MOST} rolling elements, not n={self.balls}")
        if not (math.isfinite(self.ball) and math.isfinite(self.pitch) and 0 < self.ball < self.pitch):
            raise BadBearing(f"balls are smaller than the circle they run on: d={self.ball:g}, D={self.pitch:g}")
        if self.balls * self.ball > math.pi * self.pitch:
            raise BadBearing(f"{self.balls} balls of {self.ball:g} have no room on a circle of {self.pitch:g}")
        if not 0 <= self.angle_deg <= _ANGLE_MOST_DEG:
            raise BadBearing(f"a contact angle is 0 to {_ANGLE_MOST_DEG:g} degrees, not {self.angle_deg:g}")

    @property
    def _ratio(self) -> float:
        return self.ball / self.pitch * math.cos(math.radians(self.angle_deg))

    @property
    def outer(self) -> float:
        """BPFO: balls that pass a place of the outer ring in one turn of the shaft."""
        return self.balls / 2 * (1 - self._ratio)

    @property
    def inner(self) -> float:
        """BPFI: likewise of the inner ring."""
        return self.balls / 2 * (1 + self._ratio)

    @property
    def ball_twice(self) -> float:
        """2xBSF: a place of a ball strikes the inner and the outer ring once each in a turn of the ball."""
        return self.pitch / self.ball * (1 - self._ratio**2)

    @property
    def cage(self) -> float:
        """FTF: turns of the cage."""
        return (1 - self._ratio) / 2


def parse(text: str) -> Bearing:
    """The bearing that a text such as "n=9,d=7.94,D=39.04,angle=0" describes; the angle may be left out.

    Raises:
        BadBearing: something is missing, doubled, unknown or no number, or the numbers contradict each other.
    """
    found: dict[str, float] = {}
    for part in filter(None, re.split(r"[,;\s]+", text.strip())):
        key, sign, value = part.partition("=")
        if not sign or key not in {"n", "d", "D", "angle"}:
            raise BadBearing(f"{part!r} says nothing about a bearing; write {_FORM}")
        if key in found:
            raise BadBearing(f"{key} stands twice in {text!r}; write {_FORM}")
        found[key] = _number(key, value)
    missing = [key for key in ("n", "d", "D") if key not in found]
    if missing:
        raise BadBearing(f"{' and '.join(missing)} missing in {text!r}; write {_FORM}")
    if found["n"] != int(found["n"]):
        raise BadBearing(f"n counts the balls, so {found['n']:g} cannot be; write {_FORM}")
    return Bearing(int(found["n"]), found["d"], found["D"], found.get("angle", 0.0))


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadBearing(f"{key}={value} is no number; write {_FORM}")
    return number
