"""`penstock usage`: what was used and what it cost, whether or not a server runs."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from penstock.cli.data_folder import data_options, opened, settings_of
from penstock.cli.durations import seconds_of
from penstock.cli.screen import printable
from penstock.protocol.price import PICOS, decimal
from penstock.settings import Settings
from penstock.tenants.usage_report import DAY, HOUR, Dimension, Question, Sums, UsageReport, floor_to
from penstock.web import csv_lines

_DIMENSIONS: dict[str, Dimension] = {"model": "model", "key": "key_id", "account": "account_id"}
_WIDTHS = {"day": DAY, "hour": HOUR}
_FORMATS = {"day": "%Y-%m-%d", "hour": "%Y-%m-%d %H:%M"}
_PIPE_WIDTH = 400


@dataclass(frozen=True)
class _Line:
    """One line of the table: what was used by `id`, which people call `name`."""

    id: str
    name: str
    sums: Sums


@click.command("usage")
@click.option(
    "--since", metavar="7d|DATE", default="7d", show_default=True, help="The newest 7 days, or from a day on."
)
@click.option("--until", metavar="DATE", help="Up to the beginning of a day.  [default: now]")
@click.option(
    "--by",
    type=click.Choice([*_DIMENSIONS, *_WIDTHS]),
    default="model",
    show_default=True,
    help="A line for each of these.",
)
@click.option("--account", metavar="EMAIL", help="Of this account alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@data_options
def command(
    since: str,
    until: str | None,
    by: str,
    account: str | None,
    as_json: bool,
    as_csv: bool,
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Show what was used and what it cost. Days and hours are those of UTC."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    start, stop = _span(since, until, time.time())
    if by == "day":
        start = floor_to(start, DAY)
    settings = settings_of(data_dir, config)
    question = Question(account_id=None, start=start, stop=stop, by=(_DIMENSIONS[by],) if by in _DIMENSIONS else ())
    lines = asyncio.run(_ask(settings, question, by, account))
    if as_json:
        click.echo(json.dumps([_fields(line, by, settings.currency) for line in lines], indent=2))
    elif as_csv:
        heads = list(_fields(_Line("", "", Sums()), by, settings.currency))
        rows = [list(_fields(line, by, settings.currency).values()) for line in lines]
        click.echo(csv_lines.lines([heads, *rows]), nl=False)
    elif not lines:
        whose = f" by {account}" if account else ""
        click.echo(f"Nothing was used{whose} {_told(start, stop)}. Ask a model something: penstock chat", err=True)
    else:
        click.echo(f"Usage {_told(start, stop)}", err=True)
        _show(lines, by, settings.currency)


async def _ask(settings: Settings, question: Question, by: str, email: str | None) -> list[_Line]:
    async with opened(settings) as folder:
        if email is not None:
            question = replace(question, account_id=(await folder.accounts.find_by_email(email)).id)
        if by in _WIDTHS:
            buckets = await folder.usage.buckets(question, seconds=_WIDTHS[by])
            moments = ((_moment(bucket.start, by), bucket.groups) for bucket in buckets)
            return [_Line(moment, moment, groups[0].sums) for moment, groups in moments if groups]
        groups = await folder.usage.totals(question)
        names = await _names(folder.usage, _DIMENSIONS[by])
        lines = [_Line(str(group.values[0]), names.get(str(group.values[0]), ""), group.sums) for group in groups]
        return sorted(lines, key=lambda line: (-line.sums.cost, -line.sums.requests, line.id))


async def _names(report: UsageReport, dimension: Dimension) -> Mapping[str, str]:
    """What people call it, with the id where two are called the same."""
    names = await report.names(dimension)
    times = Counter(names.values())
    return {one: name if times[name] == 1 else f"{name} {one}" for one, name in names.items()}


def _span(since: str, until: str | None, now: float) -> tuple[int, int]:
    """From when until when, in seconds since 1970. Raises click's UsageError."""
    running = floor_to(int(now), HOUR) + HOUR
    stop = running if until is None else _midnight(until, "--until")
    if since[-1:] in ("m", "h", "d", "w"):
        # Whole days of the calendar, today among them, and so with hours.
        unit = DAY if since[-1] in "dw" else HOUR
        start = floor_to(int(now), unit) + unit - max(seconds_of(since), unit)
    else:
        start = _midnight(since, "--since")
    if start >= stop:
        raise click.UsageError("--since must be before --until, and in the past.")
    return start, min(stop, running) if start < running else stop


def _midnight(day: str, option: str) -> int:
    try:
        parsed = date.fromisoformat(day)
        moment = datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise click.UsageError(f"{option} takes a date, as 2026-11-01, not {day!r}.") from error
    if moment < 0:
        raise click.UsageError(f"{option} is before 1970.")
    return int(moment)


def _moment(second: int, by: str) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(_FORMATS[by])


def _told(start: int, stop: int) -> str:
    return f"from {_moment(start, 'hour')} to {_moment(stop, 'hour')} UTC"


def _fields(line: _Line, by: str, currency: str) -> dict[str, Any]:
    named = {"name": line.name} if by in ("key", "account") else {}
    return {by: line.id, **named, **asdict(line.sums), "cost": decimal(line.sums.cost), "currency": currency}


def _show(lines: list[_Line], by: str, currency: str) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(by.capitalize(), overflow="fold")
    for heading in ("Requests", "Failed", "Input", "Cached", "Output", f"Cost {currency}"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(printable(line.name or line.id), *_figures(line.sums))
    if len(lines) > 1:
        total = sum((line.sums for line in lines), Sums())
        table.add_section()
        table.add_row("Total", *_figures(total), style="bold")
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, markup=False, highlight=False).print(table)


def _figures(sums: Sums) -> list[str]:
    counts = (sums.requests, sums.failed, sums.prompt_tokens, sums.cached_tokens, sums.completion_tokens)
    return [*(f"{count:,}" for count in counts), _money(sums.cost)]


def _money(picos: int) -> str:
    """To four places; JSON and CSV have all of them."""
    if 0 < picos < PICOS // 10_000:
        return "<0.0001"
    return f"{Decimal(picos) / PICOS:,.4f}" if picos else "0"
