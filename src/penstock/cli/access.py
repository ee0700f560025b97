"""How commands reach a server: its address, and a key to it."""

import asyncio
import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from penstock.cli.client import Client
from penstock.errors import OperatorError
from penstock.settings import Settings, load_settings

SESSION_KEY_SECONDS = 86400
"""The life of a key made for one command, which revokes it at its end; this is for the end that it does not see."""

# An address to listen on that is none to connect to -> the one that reaches it from this machine.
_REACHED_BY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True)
class Access:
    """A client with a key. `note` tells the user of a key made for the command."""

    client: Client
    note: str = ""


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which server, and with which key."""
    path = click.Path(dir_okay=False, path_type=Path)
    for option in (
        click.option("--config", type=path, help="Settings file.  [default: penstock.toml]"),
        click.option(
            "--data-dir", type=click.Path(file_okay=False), help="Where a server on this machine keeps its data."
        ),
        click.option(
            "--api-key", envvar="PENSTOCK_API_KEY", help="Better given as PENSTOCK_API_KEY: others may see this."
        ),
        click.option("--url", help="Address of the server.  [default: http://127.0.0.1:8484]"),
    ):
        command = option(command)
    return command


@contextmanager
def open_access(
    key_name: str,
    *,
    url: str | None,
    api_key: str | None,
    data_dir: str | None,
    config: Path | None,
    life_seconds: float = SESSION_KEY_SECONDS,
    stays: bool = False,
) -> Iterator[Access]:
    """A client for the block, with the key that is given, else with one made for the block where the data folder is.

    The made key is revoked at the end. One that `stays` lives on where the block ends well, for what the server does
    under it afterwards. Raises OperatorError where there is no server, or no way to a key.
    """
    settings = load_settings({"data_dir": data_dir}, os.environ, config=config)
    address = url or server_url(settings)
    if api_key:
        yield Access(Client(address, api_key))
        return
    client = Client(address, "")
    client.knock()  # before anything is written: a key to nothing helps nobody
    if not _is_here(client, settings):
        raise OperatorError(
            f"{address} needs an API key: give one in PENSTOCK_API_KEY or with --api-key. If the server runs on this "
            "machine, --data-dir or PENSTOCK_DATA_DIR may say where it keeps its data."
        )
    key_id, secret = asyncio.run(_make_key(settings, key_name, life_seconds))
    with ExitStack() as undo:
        undo.callback(lambda: asyncio.run(_revoke_key(settings, key_id)))
        end = f"expires in {life_seconds / 3600:.0f} hours" if stays else "is revoked at the end"
        yield Access(Client(address, secret), note=f'A key "{key_name}" was made; it {end}.')
        if stays:
            undo.pop_all()


def server_url(settings: Settings) -> str:
    """The address at which a server with these settings is reached from here."""
    host = _REACHED_BY.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _is_here(client: Client, settings: Settings) -> bool:
    """Whether these settings can be those of the server: it is on this machine, and its database is there."""
    try:
        loopback = ipaddress.ip_address(client.host).is_loopback
    except ValueError:
        loopback = client.host == "localhost"
    kept = bool(settings.database_url) or (settings.data_path / "penstock.db").is_file()
    return kept and (loopback or client.host == settings.host)


async def _make_key(settings: Settings, name: str, life_seconds: float) -> tuple[str, str]:
    # Imported here, like below: with a key at hand, no command has to wait for SQLAlchemy.
    from penstock.cli.data_folder import opened
    from penstock.tenants.audit import Actor

    async with opened(settings) as data:
        owner = await data.accounts.operator()
        expires_at = time.time() + life_seconds
        key, secret = await data.keys.create(name, account_id=owner.id, expires_at=expires_at, by=Actor.operator())
    return key.id, secret


async def _revoke_key(settings: Settings, key_id: str) -> None:
    from penstock.cli.data_folder import opened
    from penstock.tenants.audit import Actor

    async with opened(settings) as data:
        await data.keys.revoke(key_id, by=Actor.operator())
