"""How long a writer waits while old rows of usage are deleted, on a ledger of 10 million rows.

    python bench/retention.py [--rows 10000000] [--seconds 60]

Half of the rows are older than what is kept. A writer commits a group of 20 rows with their sums every 50 ms, by way of
the same database as the deletion; what counts is the longest time from its wish to write until it may. In a folder that
is deleted afterwards. Exits with 1 where that is 100 ms or more.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import ledger_rows

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.tenants.retention import Retention
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

DAYS = 90
TARGET_MS = 100.0


@dataclass
class Commit:
    """One commit of the writer, in milliseconds."""

    waited: float
    """Until it could begin."""
    whole: float


def group(number: int) -> list[UsageRecord]:
    """Twenty new rows."""
    now = float(ledger_rows.START + DAYS * ledger_rows.DAY)
    return [
        UsageRecord(
            request_id=f"new_{number:06}_{each:02}", account_id="acct_new", key_id="key_new", model="m",
            endpoint="/v1/chat/completions", created_at=now, status=200, outcome="completed", finish_reason="stop",
            streamed=True, prompt_tokens=3, cached_tokens=0, completion_tokens=5, reasoning_tokens=0, queue_ms=0.1,
            ttft_ms=1.0, total_ms=2.5,
        )
        for each in range(20)
    ]  # fmt: skip


async def write(database: Database, *, seconds: float, first: int) -> list[Commit]:
    """Commit groups for so long."""
    commits: list[Commit] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        wished = time.monotonic()
        async with database.write() as connection:
            began = time.monotonic()
            await settle(connection, group(first + len(commits)))
        commits.append(Commit((began - wished) * 1000, (time.monotonic() - wished) * 1000))
        await asyncio.sleep(0.05)
    return commits


def show(name: str, commits: list[Commit]) -> None:
    for what in ("waited", "whole"):
        taken = [getattr(commit, what) for commit in commits]
        print(f"{name} {what:6}: median {statistics.median(taken):.1f} ms, longest {max(taken):.1f} ms")


async def measure(folder: Path, rows: int, seconds: float) -> bool:
    database = Database(f"sqlite+aiosqlite:///{folder / 'penstock.db'}")
    await database.connect()
    await migrate(database)
    began = time.monotonic()
    await ledger_rows.fill(database, rows=rows, days=DAYS)
    print(f"{rows} rows made in {time.monotonic() - began:.0f} s", flush=True)
    alone = await write(database, seconds=seconds / 4, first=0)
    show("alone    ", alone)
    before = ledger_rows.START + DAYS // 2 * ledger_rows.DAY
    pruning = asyncio.create_task(Retention(database, days=DAYS).prune(before=before))
    beside = await write(database, seconds=seconds, first=len(alone))
    show("deleting ", beside)
    ended = pruning.done()
    pruning.cancel()
    await asyncio.wait({pruning})
    left = await _rows(database)
    made = 20 * (len(alone) + len(beside))
    print(f"{rows // DAYS * DAYS + made - left} rows deleted in {seconds:.0f} s{', all' if ended else ''}")
    await database.close()
    return max(commit.waited for commit in beside) < TARGET_MS


async def _rows(database: Database) -> int:
    async with database.read(seconds=600) as connection:
        return int((await connection.exec_driver_sql("SELECT count(*) FROM usage")).scalar_one())


@click.command(help=__doc__)
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--seconds", default=60.0, show_default=True)
def main(rows: int, seconds: float) -> None:
    folder = Path(tempfile.mkdtemp(prefix="penstock-retention-"))
    try:
        sys.exit(not asyncio.run(measure(folder, rows, seconds)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
