"""`penstock audit`: who did what, whether or not a server runs."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from penstock.cli.data_folder import all_of, data_options, in_folder
from penstock.cli.durations import seconds_of
from penstock.cli.screen import printable
from penstock.cli.tables import day, print_json
from penstock.tenants.audit import Act
from penstock.tenants.tenants import Tenants


@click.command("audit")
@click.option("--since", metavar="7d", help="Only what was done in this time: a number and m, h, d or w.")
@click.option("--action", metavar="NAME", help="Only these, as `key.revoke`; `key` is all that was done to keys.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def command(since: str | None, action: str | None, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every administrative act, the newest first: when, what, to what, by whom, and what changed.

    The log only grows; no command changes or deletes a row.

    \b
    penstock audit --since 7d
    penstock audit --action key.revoke --json
    """
    moment = None if since is None else time.time() - seconds_of(since)

    async def read(tenants: Tenants) -> list[Act]:
        return await all_of(tenants.audit.rows, since=moment, action=action)

    acts = in_folder(data_dir, config, read)
    if as_json:
        print_json([act.__dict__ for act in acts])
    elif not acts:
        click.echo("Nothing was done in this time.", err=True)
    # Into a pipe each act is one line, for what searches there.
    between = "\n    " if sys.stdout.isatty() else "  "
    for act in acts if not as_json else ():
        who = act.actor + (f" with {act.key_id}" if act.key_id else "")
        told = " · ".join(filter(None, [printable(who).replace("\n", " "), *_told(act.details)]))
        click.echo(f"{day(act.at)}  {act.action:20}  {act.target}{between}{told}")


def _told(details: Mapping[str, Any]) -> list[str]:
    """`plan: free → core`, or the value alone where nothing is known of before."""
    shown = []
    for name, value in details.items():
        if isinstance(value, dict) and value.keys() == {"from", "to"}:
            shown.append(f"{name}: {_short(name, value['from'])} → {_short(name, value['to'])}")
        elif value not in (None, {}, []):
            shown.append(f"{name}: {_short(name, value)}")
    return shown


def _short(name: str, value: object) -> str:
    if isinstance(value, float) and name.endswith(("_at", "_until")):
        return day(value)
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text).replace("\n", " ")
