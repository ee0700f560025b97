"""`penstock users`: accounts and invitations, whether or not a server runs."""

import sys
import time
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET

from penstock.cli.accounts_named import account_named
from penstock.cli.data_folder import all_of, data_options, in_folder
from penstock.cli.durations import seconds_of
from penstock.cli.tables import day, distance, print_fields, print_json, print_table
from penstock.tenants.account_order import AccountFilter
from penstock.tenants.accounts import Account, AccountChanges, Role
from penstock.tenants.audit import Actor
from penstock.tenants.invitations import Invitation
from penstock.tenants.tenants import Tenants

ROLES = ("user", "admin")


@click.group("users")
def command() -> None:
    """Make, list and change accounts, and invite people.

    USER is an e-mail, the id of an account, or `operator` for the operator's own.

    \b
    penstock users create ann@example.org --plan standard
    penstock users invite bob@example.org --expires 3d
    penstock users reset-password operator
    """


@command.command("create")
@click.argument("email")
@click.option("--name", default="", help="What the account is called.  [default: the e-mail]")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--plan", metavar="NAME", help="Its plan.  [default: the setting default_plan]")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--no-password", is_flag=True, help="Ask for none: nobody can log in to it until one is set.")
@data_options
def create(
    email: str,
    name: str,
    role: Role,
    plan: str | None,
    password_stdin: bool,
    no_password: bool,
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Make an account and print its id. In a terminal its password is asked for; it is never an argument.

    \b
    penstock users create ann@example.org --plan standard
    penstock users create root@example.org --role admin --password-stdin < file
    """
    password = None
    if password_stdin or (not no_password and sys.stdin.isatty()):
        password = _password(from_stdin=password_stdin)

    async def make(tenants: Tenants) -> Account:
        return await tenants.accounts.create(
            email, name=name, role=role, plan=plan, password=password, by=Actor.operator()
        )

    made = in_folder(data_dir, config, make)
    click.echo(made.id)
    if password is None:
        click.echo(f"It has no password yet: penstock users reset-password {made.email}", err=True)


@command.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those with this in the e-mail or the name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def list_users(search: str, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every account, the newest first."""
    found = in_folder(
        data_dir, config, lambda tenants: all_of(tenants.accounts.page, which=AccountFilter(search=search))
    )
    if as_json:
        print_json([_described(account) for account in found])
    elif not found:
        click.echo("There is no such account. Make one with: penstock users create EMAIL", err=True)
    else:
        headings = ("E-mail", "Id", "Role", "Plan", "State")
        print_table(headings, [(each.email or "-", each.id, each.role, each.plan, each.state) for each in found])


@command.command("show")
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def show(user: str, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show an account."""
    _show(in_folder(data_dir, config, lambda tenants: account_named(tenants, user)), as_json=as_json)


def _show(account: Account, *, as_json: bool = False) -> None:
    if as_json:
        print_json(_described(account))
        return
    print_fields(
        {
            "id": account.id,
            "e-mail": account.email or "none",
            "name": account.name,
            "role": account.role,
            "plan": account.plan,
            "state": account.state,
            "created": day(account.created_at),
            "disabled": day(account.disabled_at, never=""),
        }
    )


@command.command("update")
@click.argument("user")
@click.option("--name", help="Another name.")
@click.option("--email", help="Another e-mail.")
@click.option("--role", type=click.Choice(ROLES))
@click.option("--plan", metavar="NAME", help="Another plan; `penstock plans list` shows them.")
@data_options
def update(
    user: str,
    name: str | None,
    email: str | None,
    role: Role | None,
    plan: str | None,
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Change an account, and show it as it is then. It holds within 5 seconds.

    \b
    penstock users update ann@example.org --plan core
    penstock users update operator --email root@example.org
    """
    changes = AccountChanges(
        name=UNSET if name is None else name,
        email=UNSET if email is None else email,
        role=UNSET if role is None else role,
        plan=UNSET if plan is None else plan,
    )
    _show(_update(user, changes, data_dir, config))


@command.command("disable")
@click.argument("user")
@data_options
def disable(user: str, data_dir: str | None, config: Path | None) -> None:
    """Log an account out and refuse its keys, until it is enabled again."""
    changed = _update(user, AccountChanges(disabled=True), data_dir, config)
    click.echo(f"Disabled {_called(changed)}.", err=True)


@command.command("enable")
@click.argument("user")
@data_options
def enable(user: str, data_dir: str | None, config: Path | None) -> None:
    """Let a disabled account and its keys in again."""
    changed = _update(user, AccountChanges(disabled=False), data_dir, config)
    click.echo(f"Enabled {_called(changed)}.", err=True)


def _update(user: str, changes: AccountChanges, data_dir: str | None, config: Path | None) -> Account:
    async def change(tenants: Tenants) -> Account:
        found = await account_named(tenants, user)
        return await tenants.accounts.update(found.id, changes, by=Actor.operator())

    return in_folder(data_dir, config, change)


@command.command("reset-password")
@click.argument("user")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@data_options
def reset_password(user: str, password_stdin: bool, data_dir: str | None, config: Path | None) -> None:
    """Give an account another password, and log it out everywhere. The password is asked for.

    It is the way back for whoever has forgotten it, the administrator included; a console cannot do it, as no mail is
    sent.

    \b
    penstock users reset-password ann@example.org
    penstock users reset-password operator --password-stdin < file
    """
    if not password_stdin and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for a password. Send it with --password-stdin.")
    password = _password(from_stdin=password_stdin)

    async def change(tenants: Tenants) -> Account:
        found = await account_named(tenants, user)
        return await tenants.accounts.set_password(found.id, password, by=Actor.operator())

    click.echo(f"{_called(in_folder(data_dir, config, change))} has a new password.", err=True)


@command.command("invite")
@click.argument("email", required=False)
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--plan", metavar="NAME", help="Plan of the account.  [default: the setting default_plan]")
@click.option("--expires", metavar="7d", default="7d", show_default=True, help="For how long it is good; 90d at most.")
@data_options
def invite(
    email: str | None, role: Role, plan: str | None, expires: str, data_dir: str | None, config: Path | None
) -> None:
    """Invite somebody, and print the token of the invitation, alone, on standard output.

    Whoever has the token can make one account, with EMAIL where it is given, at /signup?invitation=TOKEN of the
    server's console, unless its setting `signup` is closed. It cannot be shown again.

    \b
    penstock users invite bob@example.org
    penstock users invite --plan trial --expires 1d
    """
    life_seconds = seconds_of(expires)

    async def make(tenants: Tenants) -> str:
        _, token = await tenants.invitations.create(
            email=email, role=role, plan=plan, life_seconds=life_seconds, by=Actor.operator()
        )
        return token

    click.echo(in_folder(data_dir, config, make))
    if sys.stdout.isatty():
        click.echo("Send it now: it is not shown again.", err=True)


@command.command("invitations")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def invitations(as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every invitation, the newest first, those that were used too."""
    found: list[Invitation] = in_folder(data_dir, config, lambda tenants: all_of(tenants.invitations.page))
    now = time.time()
    if as_json:
        print_json([{**each.__dict__, "state": each.state(now)} for each in found])
    elif not found:
        click.echo("There is no invitation. Make one with: penstock users invite EMAIL", err=True)
    else:
        headings = ("E-mail", "Id", "Role", "Plan", "Expires", "State")
        print_table(
            headings,
            [
                (each.email or "any", each.id, each.role, each.plan, distance(each.expires_at), each.state(now))
                for each in found
            ],
        )


@command.command("uninvite")
@click.argument("invitation", metavar="ID")
@data_options
def uninvite(invitation: str, data_dir: str | None, config: Path | None) -> None:
    """Take an invitation back that was not used yet."""

    async def end(tenants: Tenants) -> Invitation:
        return await tenants.invitations.revoke(invitation, by=Actor.operator())

    gone = in_folder(data_dir, config, end)
    click.echo(f"The invitation {gone.id} for {gone.email or 'anybody'} is taken back.", err=True)


def _password(*, from_stdin: bool) -> str:
    if not from_stdin:
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
        return typed
    # One line, without its end: what `echo` and files have there is no part of a password.
    return sys.stdin.readline().rstrip("\r\n")


def _called(account: Account) -> str:
    return f"{account.email or account.name} ({account.id})"


def _described(account: Account) -> dict[str, Any]:
    return {**account.__dict__, "state": account.state}
