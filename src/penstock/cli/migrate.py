"""`penstock migrate`: brings the database to this version's schema, and copies one into another."""

import asyncio
import sys
from pathlib import Path

import click

from penstock.cli.data_folder import data_options, settings_of
from penstock.database.connection import Database
from penstock.database.schema import Migration, migrate
from penstock.database.transfer import Progress, transfer
from penstock.errors import OperatorError
from penstock.settings import Settings


@click.command("migrate")
@click.option(
    "--from",
    "source",
    metavar="FILE_OR_URL",
    help="Copy everything from this database into the one of the settings, which has to be empty.",
)
@data_options
def command(source: str | None, data_dir: str | None, config: Path | None) -> None:
    """Bring the database to this version's schema, and say what was done.

    `penstock serve` does so at its start; this is for doing it before, with an account that may change tables.
    With --from it moves to another database: stop the server, set PENSTOCK_DATABASE_URL, and name the old file. The
    bodies of files are in no database: they stay in the folder `files` of the data folder, or where files_url leads.
    """
    settings = settings_of(data_dir, config)
    if source is None:
        asyncio.run(_migrate(settings))
    else:
        asyncio.run(_copy(source, settings))


async def _migrate(settings: Settings) -> None:
    database = Database(settings.database)
    await database.connect()
    try:
        _tell(database, await migrate(database))
    finally:
        await database.close()


def _tell(database: Database, done: Migration) -> None:
    if not done.applied:
        click.echo(f"Nothing to do: the schema of {database.shown} is {done.after}, the newest.")
        return
    click.echo(f"The schema of {database.shown} was {done.before or 'none'} and is {done.after} now:")
    for revision in done.applied:
        click.echo(f"  {revision.id}  {revision.summary}")


async def _copy(source: str, settings: Settings) -> None:
    old, new = Database(_url_of(source)), Database(settings.database)
    if await old.in_use():
        raise OperatorError(
            f"A server or a command has {old.shown} open, and what it writes meanwhile would be missing. Stop it first."
        )
    try:
        await old.connect()
        await new.connect()
        rows = await transfer(old, new, told=_tell_progress if sys.stderr.isatty() else lambda _progress: None)
    finally:
        await old.close()
        await new.close()
    for table, count in rows.items():
        click.echo(f"{table:16}{count:>12,}")
    bodies = "where files_url leads" if settings.files_url else f"in {settings.data_path / 'files'}"
    click.echo(
        f"Everything of {old.shown} is in {new.shown}. It opens with the same keys only beside the same pepper:"
        f" {settings.data_path / 'pepper'}. Keep that, and give a copy to every server of this database. The bodies of"
        f" files are in no database and were not copied: they are {bodies}, and a server elsewhere needs them too.",
        err=True,
    )


def _url_of(source: str) -> str:
    scheme, slashes, rest = source.partition(":///")
    if "://" in source and not scheme.startswith("sqlite"):
        return source
    path = Path(rest if slashes else source).expanduser().absolute()
    if not path.is_file():
        raise OperatorError(f"There is no database {path}.")
    return f"sqlite+aiosqlite:///{path}"


def _tell_progress(progress: Progress) -> None:
    end = "\n" if progress.done == progress.total else ""
    click.echo(f"\r{progress.table:16}{progress.done:>12,} of {progress.total:,}{end}", nl=False, err=True)
