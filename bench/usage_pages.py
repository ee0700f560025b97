"""How long a page of usage takes, on a ledger of 10 million rows.

    python bench/usage_pages.py [--rows 10000000] [--days 90] [--rounds 9] [--url postgresql://user@host/database]

The rows are of 50 accounts with 200 keys and 5 models, in a folder that is deleted afterwards; `--url` names an empty
database on PostgreSQL in its place. Each page is asked for as a client does, without the network: query, database and
JSON. Exits with 1 where the median of one is 200 ms or more.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import httpx2
import ledger_rows

from penstock.api.cold import build_cold_plane
from penstock.api.usage import COMPLETIONS, COSTS, OWN, usage_router
from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.tenants.caller import Caller
from penstock.tenants.timing_report import TimingReport
from penstock.tenants.usage_report import Question, UsageReport
from penstock.web.access import Access

DAY = ledger_rows.DAY
TARGET_MS = 200
SPANS = (("1m", 1, 1440), ("1h", 7, 168), ("1d", 31, 31))
"""Width, days, buckets."""


@dataclass(frozen=True)
class Page:
    """One page that is asked for."""

    what: str
    path: str
    query: str


async def caller(_scope: Mapping[str, Any], _access: Access) -> Caller:
    """Whoever asks is one of the accounts, and may do everything."""
    return Caller("acct_0000000000000010", "key_0000000000000100", "bench", role="admin")


def pages(days: int) -> list[Page]:
    """Every width, of all accounts and of one, grouped and not."""
    found = []
    for width, length, limit in SPANS:
        start = ledger_rows.START + (days - length) * DAY
        span = f"start_time={start}&end_time={start + length * DAY}&bucket_width={width}&limit={limit}"
        for group in ("", "model", "api_key_id"):
            for whose, path in (("all accounts", COMPLETIONS), ("one account", OWN)):
                by = f"&group_by={group}" if group else ""
                told = f"{width} over {length} days, {whose}, {f'by {group}' if group else 'in all'}"
                found.append(Page(told, path, span + by))
    start = ledger_rows.START + (days - 31) * DAY
    found.append(Page("costs of 31 days by line_item", COSTS, f"start_time={start}&limit=31&group_by=line_item"))
    return found


async def measure(database: Database, *, days: int, rounds: int) -> bool:
    """Print a line for each page; whether all are fast enough."""
    router = usage_router(
        UsageReport(database),
        caller,
        currency="USD",
        row_days=0,
        now=lambda: float(ledger_rows.START + days * DAY - 1),
    )
    fast = True
    click.echo(f"{'page':50} {'results':>8} {'KB':>7} {'median ms':>10} {'worst':>7}")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(build_cold_plane(router)), timeout=600) as client:
        for page in pages(days):
            spent, answer = [], None
            for _ in range(rounds + 1):  # the first one reads what is on disk
                began = time.perf_counter()
                answer = await client.get(f"http://penstock{page.path}?{page.query}")
                spent.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.text
            results = sum(len(bucket["results"]) for bucket in answer.json()["data"]) if answer else 0
            size = len(answer.content) / 1024 if answer else 0
            fast = told(page.what, results, f"{size:7,.0f}", spent[1:]) and fast
    return await measure_details(TimingReport(database), days=days, rounds=rounds) and fast


async def measure_details(report: TimingReport, *, days: int, rounds: int) -> bool:
    """The same for what the console shows of errors and times, out of single rows; "results" are the rows read."""
    fast = True
    stop = ledger_rows.START + days * DAY
    for whose, account_id in (("all accounts", None), ("one account", "acct_0000000000000010")):
        for _, length, buckets in SPANS:
            question = Question(account_id=account_id, start=stop - length * DAY, stop=stop, by=("model",))
            spent, rows = [], 0
            for _ in range(rounds + 1):
                began = time.perf_counter()
                await report.failures(question)
                rows = (await report.times(question, seconds=length * DAY // buckets)).rows
                spent.append((time.perf_counter() - began) * 1000)
            fast = told(f"details of {length} days, {whose}, by model", rows, f"{'':7}", spent[1:]) and fast
    return fast


def told(what: str, results: int, size: str, spent: list[float]) -> bool:
    """Print the line of a page; whether it is fast enough."""
    median = statistics.median(spent)
    mark = "" if median < TARGET_MS else "  <- over the target"
    click.echo(f"{what:50} {results:8,} {size} {median:10.1f} {max(spent):7.1f}{mark}")
    return median < TARGET_MS


async def run(url: str, *, rows: int, days: int, rounds: int) -> bool:
    """Make the rows, and measure."""
    database = Database(url)
    await database.connect()
    try:
        await migrate(database)
        began = time.perf_counter()
        await ledger_rows.fill(database, rows=rows, days=days)
        click.echo(f"{rows:,} rows over {days} days on {database.shown}, made in {time.perf_counter() - began:.0f} s\n")
        return await measure(database, days=days, rounds=rounds)
    finally:
        await database.close()


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--days", default=90, show_default=True)
@click.option("--rounds", default=9, show_default=True)
@click.option("--url", help="An empty database on PostgreSQL.  [default: SQLite in a folder of its own]")
def main(rows: int, days: int, rounds: int, url: str | None) -> None:
    """Measure the usage pages."""
    with tempfile.TemporaryDirectory() as folder:
        address = url or f"sqlite+aiosqlite:///{folder}/penstock.db"
        fast = asyncio.run(run(address, rows=rows, days=days, rounds=rounds))
    sys.exit(0 if fast else 1)


if __name__ == "__main__":
    main()
