"""`penstock batch cancel`: the end of a batch before its time."""

from typing import Any
from urllib.parse import quote

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_object import lines_of


@click.command("cancel")
@click.argument("batch_id", metavar="ID")
@server_options
def command(batch_id: str, **server: Any) -> None:
    """Stop a batch. What was done of it by then is kept, and can be fetched as the results of any other."""
    with open_access("penstock batch", **server) as access:
        batch = access.client.post(f"/v1/batches/{quote(batch_id, safe='')}/cancel")
    click.echo(f"{batch['id']} is {batch['status']}; {lines_of(batch) or 'no line answered'}.")
