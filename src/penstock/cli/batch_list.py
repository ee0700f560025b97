"""`penstock batch list`: the batches of an account."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_object import Batch, done_of
from penstock.cli.client import Client
from penstock.cli.tables import distance, print_json, print_table

_PAGE = 100


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_options
def command(limit: int, everything: bool, as_json: bool, **server: Any) -> None:
    """List the batches of the key's account, the newest first."""
    with open_access("penstock batch", **server) as access:
        found = list(batches_of(access.client, None if everything else limit))
    if as_json:
        print_json(found)
    elif found:
        print_table(("Id", "Status", "Answered", "Failed", "Created"), map(_row, found))
    else:
        click.echo("There are no batches. Make one with: penstock batch create FILE", err=True)


def batches_of(client: Client, limit: int | None, *, page: int = _PAGE) -> Iterator[Batch]:
    """The newest so many of the account's, or all of them; so many are asked for at once. Raises as Client does."""
    query: dict[str, str] = {}
    left = limit
    while left is None or left > 0:
        query["limit"] = str(min(page, left or page))
        found = client.get(f"/v1/batches?{urlencode(query)}")
        yield from found["data"]
        if not found["has_more"] or not found["data"]:
            return
        query["after"] = found["data"][-1]["id"]
        left = None if left is None else left - len(found["data"])


def _row(batch: Batch) -> tuple[str, ...]:
    done, failed, total = done_of(batch)
    lines = f"{done - failed:,} of {total:,}" if total else "-"
    return batch["id"], batch["status"], lines, f"{failed:,}" if failed else "-", distance(batch["created_at"])
