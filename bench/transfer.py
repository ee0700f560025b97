"""How fast a database in SQLite is copied to PostgreSQL: rows of usage in a second.

    python bench/transfer.py [--rows 100000]

PostgreSQL is one of its own, on this machine.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from databases import migrated
from ledgers import rows_of
from postgres_server import postgres_server

from penstock.database.connection import Database
from penstock.database.transfer import transfer
from penstock.tenants.sums import settle


async def measure(source_url: str, target_url: str, rows: int) -> float:
    """Seconds."""
    source, target = Database(source_url), Database(target_url)
    await source.connect()
    await target.connect()
    async with source.write(seconds=600) as connection:
        await settle(connection, rows_of(rows))
    began = time.monotonic()
    await transfer(source, target, told=lambda _: None)
    seconds = time.monotonic() - began
    await source.close()
    await target.close()
    return seconds


@click.command()
@click.option("--rows", default=100_000, help="Rows of usage.")
def main(rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        source = f"sqlite+aiosqlite:///{folder}/penstock.db"
        migrated(source)
        seconds = asyncio.run(measure(source, server.create("copied"), rows))
        click.echo(f"{rows:,} rows in {seconds:.1f} s: {rows / seconds:,.0f} rows/s")


if __name__ == "__main__":
    main()
