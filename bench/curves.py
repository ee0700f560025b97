"""Distributions drawn as an SVG: which share of the values is at most so large."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 860, 460, 60, 50, 230, 50

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Curve:
    """Seconds, under a name."""

    name: str
    values: Sequence[float]
    colour: str


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are at most; 0 where there is none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def plot(title: str, curves: Sequence[Curve]) -> str:
    """Milliseconds on a logarithmic axis, and the share of values below, with p50 and p99 in the legend."""
    present = [value for curve in curves for value in curve.values if value > 0]
    low, high = math.floor(math.log10(max(min(present), 1e-3))), math.ceil(math.log10(max(present)))

    def x(value: float) -> float:
        place = (math.log10(max(value, 10**low)) - low) / (high - low)
        return _LEFT + place * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        f'<text x="{_LEFT}" y="24" font-size="15">{html.escape(title)}</text>'
    ]
    for power in range(low, high + 1):
        at = x(10**power)
        parts.append(f'<path d="M{at:.1f} {y(0):.1f}V{y(1):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{y(0) + 18:.1f}" text-anchor="middle">{10**power * 1000:g} ms</text>')
    for share in (0.0, 0.5, 0.9, 0.99):
        parts.append(f'<path d="M{x(10**low):.1f} {y(share):.1f}H{x(10**high):.1f}" stroke="#eee"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share * 100:g} %</text>')
    for number, curve in enumerate(curves):
        parts += _drawn(curve, x(10**high) + 16, _TOP + 20 + 42 * number, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(
    curve: Curve, left: float, top: float, x: Callable[[float], float], y: Callable[[float], float]
) -> list[str]:
    ordered = sorted(curve.values)
    step = max(1, len(ordered) // 400)
    points = [(value, (at + 1) / len(ordered)) for at, value in enumerate(ordered) if at % step == 0]
    points += [(ordered[-1], 1.0)] if ordered else []
    line = " ".join(f"{x(value):.1f},{y(share):.1f}" for value, share in points)
    told = ", ".join(f"p{share * 100:.0f} {quantile(ordered, share) * 1e3:.0f} ms" for share in (0.5, 0.99))
    return [
        f'<polyline points="{line}" fill="none" stroke="{curve.colour}" stroke-width="1.8"/>',
        f'<text x="{left:.1f}" y="{top}" fill="{curve.colour}">{html.escape(curve.name)}</text>',
        f'<text x="{left:.1f}" y="{top + 16}" fill="#555">{told}</text>',
    ]
