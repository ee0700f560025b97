"""`penstock keys`: create, list and revoke API keys, whether or not a server runs."""

import asyncio
import json
import re
import sys
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from penstock.cli.data_folder import data_options, opened, settings_of
from penstock.settings import Settings
from penstock.tenants.audit import Actor
from penstock.tenants.key import Key

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS = 100 * 365 * 86_400
_PIPE_WIDTH = 400


@click.group("keys")
def command() -> None:
    """Create, list and revoke API keys.

    A running server sees a new key at once and forgets a revoked one within 5 seconds.
    """


@command.command("create")
@click.argument("name")
@click.option("--account", metavar="EMAIL", help="Account that the key belongs to.  [default: the operator's own]")
@click.option("--expires", metavar="30d", help="Life of the key: a number and m, h, d or w.  [default: for ever]")
@data_options
def create(name: str, account: str | None, expires: str | None, data_dir: str | None, config: Path | None) -> None:
    """Make a key and print it, alone, on standard output. It cannot be shown again."""
    if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        raise click.UsageError("A key's name has 1 to 100 printable characters.")
    expires_at = None if expires is None else time.time() + seconds_of(expires)
    click.echo(asyncio.run(_create(settings_of(data_dir, config), name.strip(), account, expires_at)))
    if sys.stdout.isatty():
        click.echo("Keep it now: it is not shown again.", err=True)


async def _create(settings: Settings, name: str, email: str | None, expires_at: float | None) -> str:
    async with opened(settings) as folder:
        account = await (folder.accounts.find_by_email(email) if email else folder.accounts.operator())
        _, secret = await folder.keys.create(name, account_id=account.id, expires_at=expires_at, by=Actor.operator())
        return secret


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def list_keys(as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every key, the newest first; of the secret only its beginning and end."""
    keys = asyncio.run(_list(settings_of(data_dir, config)))
    now = time.time()
    if as_json:
        click.echo(json.dumps([{**key.values(), "state": key.state(now)} for key in keys], indent=2))
    elif not keys:
        click.echo("There is no key yet. Make one with: penstock keys create NAME", err=True)
    else:
        _show(keys, now)


async def _list(settings: Settings) -> list[Key]:
    async with opened(settings) as folder:
        return (await folder.keys.page()).rows


def _show(keys: list[Key], now: float) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("Name", "Id", "Key", "Created", "Expires", "State"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        expires = "never" if key.expires_at is None else _day(key.expires_at)
        table.add_row(key.name, key.id, key.hint, _day(key.created_at), expires, key.state(now))
    # Into a pipe each key is one line, however long: what reads it looks for whole ids.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)


@command.command("revoke")
@click.argument("key", metavar="NAME_OR_ID")
@data_options
def revoke(key: str, data_dir: str | None, config: Path | None) -> None:
    """Revoke a key for good. A running server refuses it within 5 seconds."""
    revoked = asyncio.run(_revoke(settings_of(data_dir, config), key))
    done = "Revoked" if revoked.revoked_at is None else "Nothing to do, revoked already:"
    click.echo(f"{done} {revoked.name} ({revoked.id}, {revoked.hint}).", err=True)


async def _revoke(settings: Settings, which: str) -> Key:
    async with opened(settings) as folder:
        key = await folder.keys.named(which)
        return await folder.keys.revoke(key.id, by=Actor.operator())


def seconds_of(duration: str) -> int:
    """`90m`, `12h`, `30d` or `2w` in seconds. Raises click's UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})([mhdw])", duration)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise click.UsageError(f"{duration!r} is no duration; 12h, 30d or 2w would be one.")
    return seconds


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
