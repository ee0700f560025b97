"""`penstock batch`: a file of requests, looked at before it is uploaded, and run when there is time."""

import click

from penstock.cli import LazyCommands

# command -> (module below penstock.cli, one-line help)
COMMANDS = {
    "check": ("batch_check", "Look through an input file, without a server."),
}


@click.command("batch", cls=LazyCommands, table=COMMANDS)
def command() -> None:
    """Run the requests of a file when there is time.

    Each line of the file is one request, as POST /v1/batches takes it.

    \b
    penstock batch check input.jsonl
    """
