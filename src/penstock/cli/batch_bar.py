"""What a watched batch looks like: a bar on a terminal, lines anywhere else."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from penstock.cli.batch_object import Batch, done_of, span, tokens_of

_LONGEST_BAR = 60


class Bar(Protocol):
    """Where a watch tells what it sees."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def show(self, batch: Batch, lines_per_second: float | None) -> None:
        """How it stands."""

    def clear(self) -> None:
        """It is over: what stood there last goes."""


@contextmanager
def bar_for(progress: TextIO, output: TextIO) -> Iterator[Bar]:
    """A bar where `progress` is a terminal; lines go to `output`, above the bar where both are one screen."""
    if not progress.isatty():
        yield LinesOnly()
        return
    console = Console(file=progress, markup=False, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveBar(live, lines_too=output.isatty())


class LinesOnly:
    """Lines, and nothing between them."""

    def say(self, text: str) -> None:
        click.echo(text)

    def show(self, batch: Batch, lines_per_second: float | None) -> None:
        """Lines tell of changes alone."""

    def clear(self) -> None:
        """Nothing stands there."""


class LiveBar:
    """Three lines that are drawn anew: a bar, what is done how fast, and tokens."""

    def __init__(self, live: Live, *, lines_too: bool) -> None:
        self._live = live
        self._lines_too = lines_too

    def say(self, text: str) -> None:
        if self._lines_too:
            self._live.console.print(text, soft_wrap=True)
        else:
            click.echo(text)

    def show(self, batch: Batch, lines_per_second: float | None) -> None:
        self._live.update(bar(batch, lines_per_second), refresh=True)

    def clear(self) -> None:
        self._live.update("", refresh=True)


def bar(batch: Batch, lines_per_second: float | None) -> RenderableType:
    """The bar, for any width from 60 columns on."""
    done, failed, total = done_of(batch)
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(no_wrap=True)
    drawn.add_column(ratio=1, max_width=_LONGEST_BAR)
    drawn.add_column(no_wrap=True, justify="right")
    share = f"{math.floor(100 * done / total)} %" if total else ""
    drawn.add_row(batch["status"], ProgressBar(total=total or None, completed=done, pulse=not total), share)
    facts = [f"{done:,} of {total:,}", f"{failed:,} failed", *_speed(batch, lines_per_second)] if total else []
    lines = [
        Text(line, style="dim", overflow="ellipsis", no_wrap=True)
        for line in (" · ".join(facts), tokens_of(batch))
        if line
    ]
    return Group(drawn, *lines)


def _speed(batch: Batch, lines_per_second: float | None) -> list[str]:
    """`512 lines/s`, `7 s left`, and what that means for the window."""
    if lines_per_second is None:
        return []
    done, _, total = done_of(batch)
    digits = 0 if lines_per_second >= 100 else 1
    rate = f"{lines_per_second:,.{digits}f} lines/s"
    if not lines_per_second or done == total:
        return [rate]
    left = (total - done) / lines_per_second
    window = batch["expires_at"] - time.time()
    return [rate, f"{span(left)} left" + (f", {span(max(0, window))} of the window" if left > window else "")]
