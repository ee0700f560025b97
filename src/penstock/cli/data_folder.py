"""The data folder, opened by a command: what works whether or not a server runs on it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.errors import ApiError, OperatorError
from penstock.settings import Settings, load_settings
from penstock.tenants.paging import LONGEST_PAGE, Page
from penstock.tenants.pepper import load_pepper
from penstock.tenants.tenants import Tenants

T = TypeVar("T")


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--data-dir` and `--config`, for every command that works on the data folder."""
    command = click.option("--data-dir", type=click.Path(file_okay=False), help="Data folder to work on.")(command)
    return click.option(
        "--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file.  [default: penstock.toml]"
    )(command)


def settings_of(data_dir: str | None, config: Path | None) -> Settings:
    """The settings that these two options lead to."""
    return load_settings({"data_dir": data_dir}, os.environ, config=config)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Tenants]:
    """What the data folder of these settings keeps; made where there is none.

    Raises OperatorError where it cannot be used, and for what a client would be told as an error.
    """
    database = Database(settings.database)
    await database.connect()
    try:
        await migrate(database)
        with database.faults_told():
            yield Tenants.of(
                database,
                load_pepper(settings.data_path),
                own_plans=settings.plans,
                default_plan=settings.default_plan,
            )
    except ApiError as error:
        raise OperatorError(error.message) from error
    finally:
        await database.close()


def in_folder(data_dir: str | None, config: Path | None, act: Callable[[Tenants], Awaitable[T]]) -> T:
    """What `act` gives for the data folder that the two options lead to. Raises OperatorError as `opened` does."""

    async def run() -> T:
        async with opened(settings_of(data_dir, config)) as tenants:
            return await act(tenants)

    return asyncio.run(run())


async def all_of(page: Callable[..., Awaitable[Page[T]]], **filters: object) -> list[T]:
    """Every row of a list that comes in pages."""
    found: list[T] = []
    after: str | None = None
    while True:
        portion = await page(after=after, limit=LONGEST_PAGE, **filters)
        found += portion.rows
        if not portion.has_more:
            return found
        after = portion.rows[-1].id  # type: ignore[attr-defined]  # every row has one: it is the cursor
