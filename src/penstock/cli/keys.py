"""`penstock keys`: API keys, whether or not a server runs."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET

from penstock.catalogue.models import load_catalogue
from penstock.cli.accounts_named import account_named
from penstock.cli.data_folder import all_of, data_options, in_folder, settings_of
from penstock.cli.durations import seconds_of
from penstock.cli.figure_pairs import limits_with
from penstock.cli.tables import day, distance, limits_line, print_fields, print_json, print_table
from penstock.tenants.audit import Actor
from penstock.tenants.caller import DEFAULT_SCOPES, SCOPES
from penstock.tenants.key import Key, KeyChanges
from penstock.tenants.names import LONGEST_NAME
from penstock.tenants.plans import Limits
from penstock.tenants.tenants import Tenants

_HEADINGS = ("Name", "Id", "Key", "Expires", "Used", "State")


@click.group("keys")
def command() -> None:
    """Make, list, change and revoke API keys.

    A running server sees a new key at once, and whatever else is changed within 5 seconds. KEY is a key's id, or its
    name where no other has it.

    \b
    penstock keys create my-laptop
    penstock keys create ci --expires 30d --limit requests_per_minute=10
    penstock keys rotate ci --keep 1h
    """


def _rights(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a key may do."""
    for option in (
        click.option(
            "--limit",
            "limits",
            multiple=True,
            metavar="NAME=NUMBER",
            help="A limit of its own, for one model as MODEL:NAME=NUMBER; `none` takes one away. Repeatable.",
        ),
        click.option("--model", "models", multiple=True, metavar="ID", help="Model that it may use.  [repeatable]"),
        click.option(
            "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it opens.  [repeatable]"
        ),
    ):
        function = option(function)
    return function


@command.command("create")
@click.argument("name")
@click.option("--account", metavar="EMAIL", help="Account that it belongs to, also by id.  [default: the operator's]")
@click.option("--expires", metavar="30d", help="Life of the key: a number and m, h, d or w.  [default: for ever]")
@_rights
@data_options
def create(
    name: str,
    account: str | None,
    expires: str | None,
    scopes: tuple[Any, ...],
    models: tuple[str, ...],
    limits: tuple[str, ...],
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Make a key and print it, alone, on standard output. It cannot be shown again.

    Without --scope it opens inference and batch, without --model every model.

    \b
    penstock keys create ci --expires 30d --model my/model
    penstock keys create deploy --scope admin
    penstock keys create ann --account ann@example.org
    penstock keys create slow --limit requests_per_minute=10
    """
    if not 1 <= len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise click.UsageError(f"A key's name has 1 to {LONGEST_NAME} printable characters.")
    expires_at = None if expires is None else time.time() + seconds_of(expires)
    own_limits = limits_with(Limits(), limits)
    allowed = _model_ids(models, data_dir, config)

    async def make(tenants: Tenants) -> str:
        owner = await account_named(tenants, account)
        _, secret = await tenants.keys.create(
            name,
            account_id=owner.id,
            expires_at=expires_at,
            scopes=scopes or DEFAULT_SCOPES,
            models=allowed,
            limits=own_limits,
            by=Actor.operator(),
        )
        return secret

    _print_secret(in_folder(data_dir, config, make))


@command.command("list")
@click.option("--account", metavar="EMAIL", help="Only the keys of this account, also by id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def list_keys(account: str | None, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every key, the newest first; of the secret only its beginning and end."""

    async def read(tenants: Tenants) -> list[Key]:
        owner = None if account is None else (await account_named(tenants, account)).id
        return await all_of(tenants.keys.page, account_id=owner)

    keys = in_folder(data_dir, config, read)
    if as_json:
        print_json([_described(key) for key in keys])
    elif not keys:
        click.echo("There is no key yet. Make one with: penstock keys create NAME", err=True)
    else:
        print_table(_HEADINGS, map(_row, keys))


def _row(key: Key) -> tuple[str, ...]:
    used = distance(key.last_used_at, never="-")
    return key.name, key.id, key.hint, distance(key.expires_at), used, key.state(time.time())


@command.command("show")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def show(key: str, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show all there is to a key, but for the secret."""
    _show(in_folder(data_dir, config, lambda tenants: tenants.keys.named(key)), as_json=as_json)


def _show(key: Key, *, as_json: bool = False) -> None:
    if as_json:
        print_json(_described(key))
        return
    old_until = key.previous_until if (key.previous_until or 0) > time.time() else None
    print_fields(
        {
            "id": key.id,
            "name": key.name,
            "key": key.hint,
            "state": key.state(time.time()),
            "account": key.account_id,
            "scopes": ", ".join(key.scopes),
            "models": "all" if key.models is None else ", ".join(key.models),
            "limits": limits_line(key.values()["limits"]) or "none of its own",
            "created": day(key.created_at),
            "expires": day(key.expires_at),
            "last used": day(key.last_used_at),
            "disabled": day(key.disabled_at, never=""),
            "revoked": day(key.revoked_at, never=""),
            "made with": key.maker_key_id or "",
            "old secret until": day(old_until, never=""),
        }
    )


@command.command("update")
@click.argument("key")
@click.option("--name", help="Another name.")
@click.option("--expires", metavar="30d", help="Another life, from now on; `never` for one without end.")
@click.option("--any-model", is_flag=True, help="Let it use every model again.")
@_rights
@data_options
def update(
    key: str,
    name: str | None,
    expires: str | None,
    any_model: bool,
    scopes: tuple[Any, ...],
    models: tuple[str, ...],
    limits: tuple[str, ...],
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Change a key, and show it as it is then. It holds within 5 seconds.

    --scope and --model say all that it has then; --limit changes the limits that it names.

    \b
    penstock keys update ci --expires 90d --limit requests_per_minute=20
    penstock keys update ci --limit requests_per_minute=none
    """
    if any_model and models:
        raise click.UsageError("Give --model or --any-model, not both.")
    expires_at = UNSET if expires is None else _moment(expires)
    allowed = None if any_model else _model_ids(models, data_dir, config) or UNSET

    async def change(tenants: Tenants) -> Key:
        found = await tenants.keys.named(key)
        changes = KeyChanges(
            name=UNSET if name is None else name,
            expires_at=expires_at,
            scopes=scopes or UNSET,
            models=allowed,
            limits=limits_with(found.limits, limits) if limits else UNSET,
        )
        return await tenants.keys.update(found.id, changes, by=Actor.operator())

    _show(in_folder(data_dir, config, change))


@command.command("disable")
@click.argument("key")
@data_options
def disable(key: str, data_dir: str | None, config: Path | None) -> None:
    """Refuse a key until it is enabled again."""
    _switch(key, data_dir, config, disabled=True)


@command.command("enable")
@click.argument("key")
@data_options
def enable(key: str, data_dir: str | None, config: Path | None) -> None:
    """Take a disabled key again."""
    _switch(key, data_dir, config, disabled=False)


def _switch(key: str, data_dir: str | None, config: Path | None, *, disabled: bool) -> None:
    async def change(tenants: Tenants) -> Key:
        found = await tenants.keys.named(key)
        return await tenants.keys.update(found.id, KeyChanges(disabled=disabled), by=Actor.operator())

    changed = in_folder(data_dir, config, change)
    click.echo(f"{'Disabled' if disabled else 'Enabled'} {_called(changed)}.", err=True)


@command.command("rotate")
@click.argument("key")
@click.option("--keep", metavar="1h", default="1h", show_default=True, help="How long the old secret works; `none`.")
@data_options
def rotate(key: str, keep: str, data_dir: str | None, config: Path | None) -> None:
    """Give a key another secret and print it, alone, on standard output. Its id, name and limits stay.

    The old secret works for --keep, so that programs can be given the new one one after the other.
    """
    keep_seconds = 0 if keep == "none" else seconds_of(keep)

    async def renew(tenants: Tenants) -> str:
        found = await tenants.keys.named(key)
        _, secret = await tenants.keys.rotate(found.id, keep_seconds=keep_seconds, by=Actor.operator())
        return secret

    _print_secret(in_folder(data_dir, config, renew))


@command.command("revoke")
@click.argument("key")
@data_options
def revoke(key: str, data_dir: str | None, config: Path | None) -> None:
    """Revoke a key for good, and the keys that were made with it. A running server refuses it within 5 seconds."""

    async def end(tenants: Tenants) -> Key:
        found = await tenants.keys.named(key)
        return await tenants.keys.revoke(found.id, by=Actor.operator())

    revoked = in_folder(data_dir, config, end)
    done = "Revoked" if revoked.revoked_at is None else "Nothing to do, revoked already:"
    click.echo(f"{done} {_called(revoked)}.", err=True)


def _print_secret(secret: str) -> None:
    click.echo(secret)
    if sys.stdout.isatty():
        click.echo("Keep it now: it is not shown again.", err=True)


def _called(key: Key) -> str:
    return f"{key.name} ({key.id}, {key.hint})"


def _described(key: Key) -> dict[str, Any]:
    return {**key.values(), "state": key.state(time.time())}


def _moment(expires: str) -> float | None:
    return None if expires == "never" else time.time() + seconds_of(expires)


def _model_ids(names: tuple[str, ...], data_dir: str | None, config: Path | None) -> tuple[str, ...] | None:
    """Ids of models that are in the catalogue, an alias as what it means. Raises OperatorError for any other."""
    if not names:
        return None
    settings = settings_of(data_dir, config)
    catalogue = load_catalogue(settings.models, settings.aliases)
    return tuple(catalogue.get(name).id for name in names)
