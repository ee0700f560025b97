"""What is told of a run: medians and their spread over the rounds, as a table and as JSON."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateways.cell import Cell
from gateways.peer import Peer
from gateways.workloads import Workload


@dataclass(frozen=True)
class Result:
    """A whole run."""

    conditions: dict[str, Any]
    versions: dict[str, str]
    missing: dict[str, str]
    """Peers that did not run, and why."""
    workloads: Sequence[Workload]
    peers: Sequence[Peer]
    cells: Sequence[Cell]

    def of(self, peer: str, workload: str) -> list[Cell]:
        """The cells that count, in the order of the rounds."""
        return [cell for cell in self.cells if (cell.peer, cell.workload, cell.void) == (peer, workload, "")]


def conditions(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Where and how it is measured; the load is that of the machine before the run."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": sys.version,
        "load_average": os.getloadavg()[0],
        "rounds": rounds,
        "seconds_per_cell": seconds,
        "pinning": "the gateway on one core; the mock and the clients on the other",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def line(cell: Cell) -> str:
    """One cell, for whoever watches."""
    if cell.void:
        return f"{cell.workload:12} {cell.peer:13} void: {cell.void}"
    return (
        f"{cell.workload:12} {cell.peer:13} {cell.rate:8.0f}/s  cpu {cell.cpu_us_per_request:8.1f} us/request "
        f"{cell.cpu_us_per_event:7.2f} us/event  busy {cell.gateway_busy:4.2f}  ttft p50 {cell.ttft_ms['p50']:.2f} "
        f"p99 {cell.ttft_ms['p99']:.2f} ms  gap p99 {cell.gap_ms['p99']:.2f} ms"
        + (f"  pss {cell.memory['pss'] / 2**20:.0f} MB" if cell.memory else "")
    )


def added(result: Result, peer: str, workload: str, read: Callable[[Cell], float]) -> list[float]:
    """A latency less that of the bare mock in the same round."""
    bare = {cell.round: read(cell) for cell in result.of("direct", workload)}
    return [read(cell) - bare[cell.round] for cell in result.of(peer, workload) if cell.round in bare]


def spread(values: Sequence[float], form: str = "{:.1f}") -> str:
    """The median, and from where to where the values go."""
    if not values:
        return "-"
    middle, low, high = (form.format(one) for one in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


Tell = Callable[[Result, str, str], str]

COST: tuple[tuple[str, Tell], ...] = (
    ("CPU, us a request", lambda r, p, w: spread([c.cpu_us_per_request for c in r.of(p, w)])),
    ("requests/s a core", lambda r, p, w: spread([1e6 / c.cpu_us_per_request for c in r.of(p, w)], "{:.0f}")),
    ("requests/s seen", lambda r, p, w: spread([c.rate for c in r.of(p, w)], "{:.0f}")),
    ("TTFT p50, ms more", lambda r, p, w: spread(added(r, p, w, lambda c: float(c.ttft_ms["p50"])), "{:.2f}")),
    ("TTFT p99, ms more", lambda r, p, w: spread(added(r, p, w, lambda c: float(c.ttft_ms["p99"])), "{:.2f}")),
)
EVENTS: tuple[tuple[str, Tell], ...] = (
    ("CPU, us an event", lambda r, p, w: spread([c.cpu_us_per_event for c in r.of(p, w)], "{:.2f}")),
    ("gap p50, ms more", lambda r, p, w: spread(added(r, p, w, lambda c: float(c.gap_ms["p50"])), "{:.2f}")),
    ("gap p99, ms more", lambda r, p, w: spread(added(r, p, w, lambda c: float(c.gap_ms["p99"])), "{:.2f}")),
)
HELD: tuple[tuple[str, Tell], ...] = (
    ("PSS, MB", lambda r, p, w: spread([c.memory["pss"] / 2**20 for c in r.of(p, w) if c.memory], "{:.0f}")),
    ("RSS, MB", lambda r, p, w: spread([c.memory["rss"] / 2**20 for c in r.of(p, w) if c.memory], "{:.0f}")),
    ("RSS, MB more", lambda r, p, w: spread([c.memory["rss_more"] / 2**20 for c in r.of(p, w) if c.memory], "{:.0f}")),
)


def columns(workload: Workload) -> tuple[tuple[str, Tell], ...]:
    """What is worth telling of a workload."""
    if any(load.hold for load in workload.loads):
        return (*COST[:1], *HELD)
    return (*EVENTS[:1], *COST, *EVENTS[1:]) if workload.per_event else COST


def headroom(result: Result) -> str:
    """How much more mock and clients do by themselves than the fastest gateway that reads what it carries."""
    told = []
    for workload in result.workloads:
        alone = [cell.rate for cell in result.of("direct", workload.name)]
        others = {
            peer.title: statistics.median(rates)
            for peer in result.peers
            if peer.name not in {"direct", "nginx", "bare"}
            and (rates := [1e6 / cell.cpu_us_per_request for cell in result.of(peer.name, workload.name)])
        }
        if alone and others and not any(load.pace_us or load.hold for load in workload.loads):
            fastest = max(others, key=lambda title: others[title])
            times = statistics.median(alone) / others[fastest]
            told.append(f"{workload.name} {times:.1f} times ({fastest})")
    return "What mock and clients do on one core, over what the fastest gateway does on another: " + "; ".join(told)


def heading(result: Result) -> str:
    """What was measured, where and how."""
    facts = result.conditions
    lines = [
        f"{facts['at']}, {facts['rounds']} rounds of {facts['seconds_per_cell']:g} s; {facts['machine']}, "
        f"{facts['cores']} cores, Linux {facts['kernel']}, load average before it {facts['load_average']:.1f}. "
        f"The median of the rounds, and in brackets from the least to the most.",
        "",
        *(f"- {peer.title}: {result.versions[peer.name]}" for peer in result.peers if result.versions.get(peer.name)),
        *(f"- {name} did not run: {why}" for name, why in result.missing.items()),
        "",
        headroom(result),
        "",
    ]
    return "\n".join(lines)


def table(result: Result) -> str:
    """A Markdown table for each workload."""
    parts = [heading(result)]
    for workload in result.workloads:
        told = columns(workload)
        parts += [f"### {workload.title}", ""]
        parts.append("| gateway | " + " | ".join(name for name, _ in told) + " | rounds |")
        parts.append("|---|" + "---:|" * (len(told) + 1))
        parts += [_row(result, peer, workload) for peer in result.peers]
        parts.append("")
    return "\n".join(parts)


def _row(result: Result, peer: Peer, workload: Workload) -> str:
    told = columns(workload)
    ran = [cell for cell in result.cells if (cell.peer, cell.workload) == (peer.name, workload.name)]
    good = result.of(peer.name, workload.name)
    counted = f"{len(good)} of {len(ran)}"
    if not ran:
        cells = [f"not run: {result.missing.get(peer.name, 'it was left out')}", *[""] * (len(told) - 1)]
    elif not good:
        cells = [f"void: {ran[0].void}", *[""] * (len(told) - 1)]
    elif peer.name == "direct":
        cells = [tell(result, peer.name, workload.name) if name == "requests/s seen" else "" for name, tell in told]
    else:
        cells = [tell(result, peer.name, workload.name) for _, tell in told]
    return f"| {peer.title} | " + " | ".join([*cells, counted]) + " |"


def write(result: Result, folder: Path) -> None:
    """`gateways.json` and `gateways.md` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "conditions": result.conditions,
        "versions": result.versions,
        "not_run": result.missing,
        "workloads": [asdict(workload) for workload in result.workloads],
        "cells": [asdict(cell) for cell in result.cells],
    }
    (folder / "gateways.json").write_text(_a_line_each(told), encoding="utf-8")
    (folder / "gateways.md").write_text(table(result), encoding="utf-8")


def _a_line_each(told: dict[str, Any]) -> str:
    """JSON with a line for each element of its lists, so that a diff shows what changed."""
    parts = []
    for name, value in told.items():
        lines = [json.dumps(one) for one in value] if isinstance(value, list) else []
        parts.append(f"{json.dumps(name)}: " + ("[\n" + ",\n".join(lines) + "\n]" if lines else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"
