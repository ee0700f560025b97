"""Lists and single things, as commands print them: for people, or as JSON."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from penstock.cli.screen import printable

_PIPE_WIDTH = 400
_SPANS = ((86_400 * 2, 86_400, "d"), (3600 * 2, 3600, "h"), (60 * 2, 60, "m"), (0, 1, "s"))


def print_json(value: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns; on a terminal within its width, into a pipe one line for each row, however long."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    # What reads from a pipe looks for whole ids.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)


def print_fields(fields: Mapping[str, str]) -> None:
    """One thing, a line for each field that it has."""
    for name, value in fields.items():
        if value:
            click.echo(f"{name:26}{printable(value)}")


def day(moment: float | None, *, never: str = "never") -> str:
    """A moment in seconds since 1970, in local time."""
    return never if moment is None else datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def distance(moment: float | None, *, never: str = "never") -> str:
    """How far away a moment is: `in 30 d`, `5 m ago`."""
    if moment is None:
        return never
    seconds = moment - time.time()
    least = next(span for span in _SPANS if abs(seconds) >= span[0])
    count = f"{abs(seconds) / least[1]:.0f} {least[2]}"
    return f"in {count}" if seconds > 0 else f"{count} ago"


def limits_line(limits: Mapping[str, Any]) -> str:
    """`requests_per_minute=10, org/model:context=4096`, as `--limit` takes them."""
    models = limits.get("models") or {}
    own = [f"{name}={value}" for name, value in limits.items() if name != "models"]
    return ", ".join(
        [*own, *(f"{model}:{name}={value}" for model, each in models.items() for name, value in each.items())]
    )
