"""/api/admin/settings: how this server is set up, to be read; it is changed where it was started."""

import asyncio
import platform
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, convert

from penstock import __version__
from penstock.database.connection import Database
from penstock.web.access import ADMIN
from penstock.web.routing import Asked, Routing, route


class SettingShown(Struct, kw_only=True):
    """One setting as it holds. Passwords and other secrets in it are masked."""

    name: str
    """In penstock.toml."""
    value: Any
    default: Any
    meaning: str
    origin: Literal["flag", "environment", "file", "default"]
    """Where the value comes from."""
    flag: str | None
    """Of `penstock serve`, where there is one for it."""
    variable: str | None
    """Of the environment, where there is one for it."""


class ServerShown(Struct, kw_only=True):
    """The server that answers, and its settings."""

    object: Literal["server"] = "server"
    version: str
    python: str
    system: str
    started_at: int
    """In seconds since 1970, as `now`."""
    now: int
    database: str
    """The program that keeps it, and its version."""
    database_place: str
    """Where that is, without a password."""
    database_bytes: int
    data_dir: str
    free_bytes: int
    """What is left on the disk of the data folder."""
    file: str | None
    """The settings file that was read."""
    settings: list[SettingShown]


SHOW = route(
    "GET", "/api/admin/settings", "showSettings", "Show how this server is set up", answer=ServerShown, access=ADMIN
)


class AdminSettings:
    """The route."""

    operations = (SHOW,)

    def __init__(self, database: Database, settings: Sequence[object], data_path: Path, file: Path | None) -> None:
        """`settings` have what is shown of them, masked already; `file` is the one that they were read from."""
        self._database = database
        self._settings = convert(settings, list[SettingShown], from_attributes=True)
        self._data_path = data_path
        self._file = file
        self._started_at = time.time()

    def add_to(self, routing: Routing) -> None:
        routing.add(SHOW, self.show)

    async def show(self, _asked: Asked) -> Struct:
        disk = await asyncio.to_thread(shutil.disk_usage, self._data_path)
        return ServerShown(
            version=__version__,
            python=platform.python_version(),
            system=f"{platform.system()} {platform.machine()}",
            started_at=int(self._started_at),
            now=int(time.time()),
            database=self._database.kind,
            database_place=self._database.shown,
            database_bytes=await self._database.size(),
            data_dir=str(self._data_path),
            free_bytes=disk.free,
            file=None if self._file is None else str(self._file),
            settings=self._settings,
        )
