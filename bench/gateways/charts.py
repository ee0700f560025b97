"""Plots of a run, as SVG and as PNG: what each gateway costs, and how evenly events come through it."""

import html
import math
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curves import Curve, plot

from gateways.cell import Cell
from gateways.report import Result

COLOURS = {
    "direct": "#9a9a9a",
    "nginx": "#5f6b73",
    "bare": "#c9a227",
    "penstock": "#0b6bcb",
    "penstock-off": "#6fb1f0",
    "smg": "#c8511b",
    "litellm": "#2f8f4e",
    "portkey": "#8a4fbf",
}
_WIDTH, _LEFT, _RIGHT, _ROW, _HEAD, _FOOT = 860, 250, 110, 24, 40, 34
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Panel:
    """One figure of one workload, for all gateways."""

    workload: str
    title: str
    read: Callable[[Cell], float]
    unit: str


PANELS = (
    Panel("request", "CPU for a request of 1 KB", lambda cell: cell.cpu_us_per_request, "us"),
    Panel("prompt-32k", "CPU for a request of 32 KB", lambda cell: cell.cpu_us_per_request, "us"),
    Panel("stream", "CPU for an event, unpaced", lambda cell: cell.cpu_us_per_event, "us"),
    Panel("paced-256", "CPU for an event, 256 streams at 50 a second", lambda cell: cell.cpu_us_per_event, "us"),
    Panel("idle-1000", "Memory (PSS) with 1,000 open streams", lambda cell: cell.memory["pss"] / 2**20, "MB"),
)


def draw(result: Result, folder: Path) -> list[Path]:
    """Write the plots that there are figures for; PNG only where a Chromium is installed."""
    drawn = []
    if costs := _costs(result):
        drawn += _save(folder / "gateways-cost.svg", costs)
    if gaps := _gaps(result):
        drawn += _save(folder / "gateways-gaps.svg", gaps)
    return drawn


def _costs(result: Result) -> str:
    parts: list[str] = []
    top = 10.0
    for panel in PANELS:
        rows = [
            (peer.title, COLOURS[peer.name], values)
            for peer in result.peers
            if peer.name != "direct" and (values := [panel.read(cell) for cell in result.of(peer.name, panel.workload)])
        ]
        if rows:
            parts += _panel(panel, rows, top)
            top += _HEAD + _ROW * len(rows) + _FOOT
    if not parts:
        return ""
    return "\n".join([_opening(top), *parts, "</svg>", ""])


def _opening(height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{height:.0f}" fill="white"/>'
    )


def _panel(panel: Panel, rows: Sequence[tuple[str, str, list[float]]], top: float) -> list[str]:
    """A line from the least to the most of the rounds and a dot on the median, on a logarithmic axis."""
    every = [value for _, _, values in rows for value in values]
    low = math.floor(math.log10(max(min(every), 1e-3)))
    high = max(low + 1, math.ceil(math.log10(max(every))))

    def x(value: float) -> float:
        return _LEFT + (math.log10(max(value, 10**low)) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    bottom = top + _HEAD + _ROW * len(rows)
    parts = [f'<text x="20" y="{top + 20:.0f}" font-size="15">{html.escape(panel.title)}, {panel.unit}</text>']
    for power in range(low, high + 1):
        parts.append(f'<path d="M{x(10**power):.1f} {top + _HEAD - 8:.0f}V{bottom:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(10**power):.1f}" y="{bottom + 14:.0f}" fill="#555" text-anchor="middle">')
        parts.append(f"{10**power:g}</text>")
    for number, (title, colour, values) in enumerate(rows):
        y, middle = top + _HEAD + _ROW * (number + 0.5), statistics.median(values)
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{html.escape(title)}</text>')
        parts.append(
            f'<path d="M{x(min(values)):.1f} {y:.1f}H{x(max(values)):.1f}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<circle cx="{x(middle):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{_WIDTH - 12}" y="{y + 4:.1f}" text-anchor="end">{_short(middle)} {panel.unit}</text>')
    return parts


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _gaps(result: Result) -> str:
    """The time between two events of 256 paced streams; each curve is the median of the rounds' own."""
    curves = []
    for peer in result.peers:
        cells = result.of(peer.name, "paced-256")
        if cells:
            shares = zip(*(cell.gap_ms["curve"] for cell in cells), strict=True)
            curves.append(Curve(peer.title, [statistics.median(share) / 1e3 for share in shares], COLOURS[peer.name]))
    return plot("Time from one event to the next: 256 streams, one event each 20 ms", curves) if curves else ""


def _save(path: Path, svg: str) -> list[Path]:
    path.write_text(svg, encoding="utf-8")
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return [path]
    height = float(svg.partition('viewBox="0 0 ')[2].partition('"')[0].split()[1])
    picture = path.with_suffix(".png")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ]
        size = ["--force-device-scale-factor=2", f"--window-size={_WIDTH},{height:.0f}"]
        subprocess.run([*command, *size, f"--screenshot={picture}", path.as_uri()], check=True, capture_output=True)
    return [path, picture]
