"""Plots as SVG, drawn by ourselves: lines over the steps of a run, or over time. Colours are the page's variables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 12, 40
_TICKS = 4
_MOST_MARKS = 8
_DASHES = ("", "6 3", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Line:
    """One line; a point of None is a hole in it."""

    name: str
    points: Sequence[tuple[float, float | None]]


def over_steps(
    lines: Sequence[Line], labels: Sequence[str], *, title: str, x_axis: str, y_axis: str, bound: float | None = None
) -> str:
    """Lines whose x is the number of a step, from 0 on. `bound` is a level that is drawn across."""
    highest = max([y for line in lines for _, y in line.points if y is not None] + [bound or 0.0])
    scale = _Scale(max(len(labels) - 1, 0), nice(highest), pad=0.5)
    ticks = "".join(_tick_below(scale.x(at), label) for at, label in enumerate(labels))
    drawn = "".join(_line(line, number, scale, dots=True) for number, line in enumerate(lines))
    return _frame(scale, ticks + _level(scale, bound) + drawn, title=title, x_axis=x_axis, y_axis=y_axis)


def shares(lines: Sequence[Line], *, title: str, x_axis: str) -> str:
    """Cumulative distributions: x is a time, by its logarithm; y the share of answers in percent that had no more."""
    marks = decades([x for line in lines for x, _ in line.points])
    lowest = math.log10(marks[0])
    scale = _Scale(math.log10(marks[-1]) - lowest, 100.0)
    ticks = "".join(_tick_below(scale.x(math.log10(x) - lowest), tidy(x)) for x in marks)
    placed = [Line(line.name, [(math.log10(max(x, marks[0])) - lowest, y) for x, y in line.points]) for line in lines]
    drawn = "".join(_line(line, number, scale, dots=False) for number, line in enumerate(placed))
    return _frame(scale, ticks + drawn, title=title, x_axis=x_axis, y_axis="% of answers")


def legend(names: Sequence[str]) -> str:
    """The names of the lines, each with its stroke."""
    items = "".join(
        f'<li><svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true"><path d="M0 4H26" '
        f'class="line s{number % 6}" {_dash(number)}/></svg>{escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def nice(value: float) -> float:
    """The next 1, 2, 3, 4, 6 or 8 times a power of ten: what four even ticks divide well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 4, 6, 8, 10, 20) if step * power >= value * 0.999)


def decades(values: Sequence[float]) -> list[float]:
    """Marks of a logarithmic axis around all the values: 1, 2 and 5 times powers of ten, or those alone if many."""
    low, high = max(min(values, default=1.0), 1e-3), max(max(values, default=10.0), 1e-3)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 2)
    marks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    first = max(at for at, mark in enumerate(marks) if mark <= low * 1.001)
    last = next(at for at, mark in enumerate(marks) if mark >= high and at > first)
    within = marks[first : last + 1]
    whole = [mark for mark in within if math.log10(mark) == round(math.log10(mark))]
    return within if len(within) <= _MOST_MARKS else sorted({within[0], *whole, within[-1]})


def tidy(value: float) -> str:
    """A tick's number: `0`, `0.25`, `40`, `1,200`."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


@dataclass(frozen=True)
class _Scale:
    """From values to places. `pad` is the room at both ends, in units of x."""

    widest: float
    highest: float
    pad: float = 0.0

    def x(self, value: float) -> float:
        span = self.widest + 2 * self.pad or 1.0
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value + self.pad) / span

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self.highest


def _ticks(highest: float) -> list[float]:
    return [highest * at / _TICKS for at in range(_TICKS + 1)]


def _frame(scale: _Scale, inside: str, *, title: str, x_axis: str, y_axis: str) -> str:
    grid = "".join(
        f'<path class="grid" d="M{_LEFT} {scale.y(y):.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{scale.y(y) + 4:.1f}" text-anchor="end">{tidy(y)}</text>'
        for y in _ticks(scale.highest)
    )
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{grid}{inside}'
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x_axis)}</text>"
        f'<text class="axis" transform="translate(11 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_axis)}</text></svg>"
    )


def _tick_below(x: float, label: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{escape(label)}</text>'


def _level(scale: _Scale, bound: float | None) -> str:
    if bound is None:
        return ""
    y = scale.y(bound)
    return (
        f'<path class="bound" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="tick" x="{_WIDTH - _RIGHT}" y="{y - 4:.1f}" text-anchor="end">SLO {tidy(bound)}</text>'
    )


def _line(line: Line, number: int, scale: _Scale, *, dots: bool) -> str:
    told = [(scale.x(x), scale.y(y), y) for x, y in line.points if y is not None]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in told)
    drawn = f'<path class="line s{number % 6}" {_dash(number)} d="M{path}"/>' if told else ""
    if not dots:
        return drawn
    return drawn + "".join(
        f'<circle class="dot s{number % 6}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
        f"<title>{escape(line.name)}: {tidy(value)}</title></circle>"
        for x, y, value in told
    )


def _dash(number: int) -> str:
    dash = _DASHES[number % len(_DASHES)]
    return f'stroke-dasharray="{dash}"' if dash else ""
