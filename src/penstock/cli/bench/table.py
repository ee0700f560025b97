"""What is printed of a run: the conditions, a table with a row for each step, and what to know of it."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from penstock.cli.bench.caveats import ENOUGH_FOR_P95, ENOUGH_FOR_P99
from penstock.cli.bench.conditions import Conditions
from penstock.cli.bench.summary import Failures, Spread, Summary
from penstock.cli.screen import printable

_PIPE_WIDTH = 200
_GAP = 2
"""Blanks between two columns."""
Rows = tuple[list[str], list[list[str]]]


def print_run(told: Conditions, steps: Sequence[Summary], warnings: Sequence[str], *, slo: str) -> None:
    """All of it, to standard output."""
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, markup=False, highlight=False)
    facts = [f"{name:11}{value}" for name, value in facts_of(told)]
    console.print(printable("\n".join([f"{told.model} at {told.url}", *facts])), soft_wrap=True)
    for headings, rows in (part for whole in (latencies(steps), rates(steps)) for part in fitted(whole, console.width)):
        table = Table(box=None, pad_edge=False, header_style="dim")
        for at, heading in enumerate(headings):
            table.add_column(heading, justify="right" if at else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print()
        console.print(table)
    console.print(f"\nTimes in ms. Good: answers that kept the SLO, {slo}.", style="dim", soft_wrap=True)
    for line in [*failure_lines(steps), *warnings]:
        console.print(printable(line), soft_wrap=True)


def facts_of(told: Conditions) -> list[tuple[str, str]]:
    """The conditions, as names and values; the model and the address stand above them."""
    request = {name: value for name, value in told.request.items() if name not in ("model", "max_tokens")}
    facts = [
        ("At", f"{told.at}, Penstock {told.penstock}"),
        ("Server", told.server),
        ("Load", f"{told.steps}; {told.bound}; {told.warmup} requests before, which do not count"),
        ("Prompt", told.prompt),
        (
            "Answer",
            f"up to {told.max_tokens} tokens; {', '.join(f'{name} {_plain(v)}' for name, v in request.items())}",
        ),
        ("SLO", f"{told.slo}; an answer may take {told.timeout_seconds:g} s"),
        ("Client", f"{told.client}; load average {told.load_average:g}"),
        ("Again", told.command),
    ]
    return [(name, value) for name, value in facts if value]


def fitted(whole: Rows, width: int) -> list[Rows]:
    """A table as several that are no wider than the screen, each with the first column: a heading that is cut says
    nothing."""
    headings, rows = whole
    widths = [max(map(len, column)) + _GAP for column in zip(headings, *rows, strict=True)]
    parts: list[list[int]] = [[0]]
    for at in range(1, len(headings)):
        if len(parts[-1]) > 1 and sum(widths[one] for one in parts[-1]) + widths[at] - _GAP > width:
            parts.append([0])
        parts[-1].append(at)
    return [([headings[at] for at in part], [[row[at] for at in part] for row in rows]) for part in parts]


def latencies(steps: Sequence[Summary]) -> Rows:
    """Headings and rows of the times."""
    names = [(name, at) for name in ("TTFT", "ITL") for at in ("p50", "p95", "p99")]
    headings = ["Load", "Answers", *(f"{name} {at}" for name, at in names), "Gap p99", "E2E p50", "E2E p95"]
    rows = [
        [
            label(step),
            f"{step.answers:,}",
            *cells(step.ttft_ms),
            *cells(step.itl_ms),
            number(step.gap_ms.p99) + mark(step.gap_ms, ENOUGH_FOR_P99),
            number(step.e2e_ms.p50),
            number(step.e2e_ms.p95) + mark(step.e2e_ms, ENOUGH_FOR_P95),
        ]
        for step in steps
    ]
    return headings, rows


def rates(steps: Sequence[Summary]) -> Rows:
    """Headings and rows of what came in a second."""
    headings = ["Load", "Window", "Out tok/s", "In tok/s", "Answers/s", "Goodput/s", "Good", "Failed", "Tokens in/out"]
    rows = [
        [
            label(step),
            f"{step.window_seconds:.1f} s",
            number(step.tokens_per_second),
            number(step.prompt_tokens_per_second),
            number(step.answers_per_second),
            number(step.goodput),
            share(step),
            f"{step.failed:,}",
            f"{number(step.prompt_tokens)} / {number(step.tokens_per_answer)}",
        ]
        for step in steps
    ]
    return headings, rows


def failure_lines(steps: Sequence[Summary]) -> list[str]:
    """`8 clients: 12 x 429 rate_limit_exceeded, Retry-After 3 to 20 s: what the server said`."""
    lines = [f"{step.load}: {_failures(each)}" for step in steps for each in step.failures]
    broken = [step for step in steps if step.interrupted]
    return lines + [f"{step.load}: interrupted, {step.unfinished} requests under way do not count." for step in broken]


def label(step: Summary) -> str:
    """The load; with a mark where it was broken off."""
    return f"{step.load}{', interrupted' if step.interrupted else ''}"


def share(step: Summary) -> str:
    """Of all requests, those that were answered and kept the SLO."""
    return f"{step.good / step.requests:.0%}" if step.requests else "-"


def cells(spread: Spread) -> list[str]:
    """p50, p95 and p99, with a star where there are too few samples for it."""
    return [
        number(spread.p50),
        number(spread.p95) + mark(spread, ENOUGH_FOR_P95),
        number(spread.p99) + mark(spread, ENOUGH_FOR_P99),
    ]


def mark(spread: Spread, enough: int) -> str:
    """A star where there are too few samples."""
    return "*" if 0 < spread.count < enough else ""


def number(value: float | None) -> str:
    """`0.42`, `4.20`, `42.0`, `420`, `4,200`; `-` for nothing."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _failures(each: Failures) -> str:
    wait = ""
    if each.retry_after:
        least, most = each.retry_after
        wait = f", Retry-After {least:g} s" if least == most else f", Retry-After {least:g} to {most:g} s"
    return f"{each.count:,} x {each.code}{wait}" + (f": {each.message}" if each.message else "")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
