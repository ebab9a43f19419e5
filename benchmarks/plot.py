"""A plot with two logarithmic axes as SVG: lines of (x, y), no library, no font, no script."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 44, 56
_COLOURS = ("#0b6e4f", "#c8553d", "#3d5a80", "#7d5ba6")
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="13">'
    f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
)


def growth(points: Points) -> float:
    """The exponent e of y ~ x^e that fits best (least squares of the logarithms): 0 constant, 1 linear."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - middle_x) ** 2 for x in xs)


def log_log_svg(title: str, x_label: str, y_label: str, lines: Mapping[str, Points]) -> str:
    """All lines in one plot, each with its name in the legend."""
    x_range = _decades([x for points in lines.values() for x, _ in points])
    y_range = _decades([y for points in lines.values() for _, y in points])
    x_at = _scale(x_range, _LEFT, _WIDTH - _RIGHT)
    y_at = _scale(y_range, _HEIGHT - _BOTTOM, _TOP)
    parts = [_HEAD, _text(_LEFT, 24, title, size=15)]
    for power in range(x_range[0], x_range[1] + 1):
        x = x_at(10.0**power)
        parts += [
            _line(x, _TOP, x, _HEIGHT - _BOTTOM),
            _text(x, _HEIGHT - _BOTTOM + 18, f"{10**power:,}", anchor="middle"),
        ]
    for power in range(y_range[0], y_range[1] + 1):
        y = y_at(10.0**power)
        parts += [_line(_LEFT, y, _WIDTH - _RIGHT, y), _text(_LEFT - 8, y + 4, f"{10.0**power:g}", anchor="end")]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x_label, anchor="middle"))
    parts.append(f'<g transform="translate(16 {_HEIGHT / 2}) rotate(-90)">{_text(0, 0, y_label, anchor="middle")}</g>')
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        parts.append(_text(_LEFT + 12, _TOP + 20 + 18 * number, f"● {name}", colour=colour))
    return "\n".join([*parts, "</svg>\n"])


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten that hold all values, and at least one decade."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return low, max(high, low + 1)


class _scale:  # noqa: N801
    """From a value to its place on an axis."""

    def __init__(self, powers: tuple[int, int], begin: float, end: float) -> None:
        self._low, self._high = powers
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#d8d8d8"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, colour: str = "#222222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(text)}</text>'
    )
