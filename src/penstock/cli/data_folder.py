"""The data folder, opened by a command: what works whether or not a server runs on it."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.settings import Settings, load_settings
from penstock.tenants.accounts import Accounts
from penstock.tenants.keys import Keys
from penstock.tenants.pepper import load_pepper


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--data-dir` and `--config`, for every command that works on the data folder."""
    command = click.option("--data-dir", type=click.Path(file_okay=False), help="Data folder to work on.")(command)
    return click.option(
        "--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file.  [default: penstock.toml]"
    )(command)


@dataclass(frozen=True)
class DataFolder:
    """An opened data folder."""

    accounts: Accounts
    keys: Keys


def settings_of(data_dir: str | None, config: Path | None) -> Settings:
    """The settings that these two options lead to."""
    return load_settings({"data_dir": data_dir}, os.environ, config=config)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[DataFolder]:
    """The data folder of these settings, made where there is none. Raises OperatorError where it cannot be used."""
    database = Database(settings.database)
    await database.connect()
    try:
        await migrate(database)
        with database.faults_told():
            yield DataFolder(Accounts(database), Keys(database, load_pepper(settings.data_path)))
    finally:
        await database.close()
