"""`penstock batch`: a file of requests, looked at before it is uploaded, and run when there is time."""

import click

from penstock.cli import LazyCommands

# command -> (module below penstock.cli, one-line help)
COMMANDS = {
    "check": ("batch_check", "Look through an input file, without a server."),
    "create": ("batch_create", "Upload a file and start a batch of its requests."),
    "watch": ("batch_watch", "Show how a batch goes, until it is over."),
    "results": ("batch_results", "Fetch the answers of a batch that is over."),
    "cancel": ("batch_cancel", "Stop a batch; what was done of it is kept."),
    "list": ("batch_list", "List batches, the newest first."),
    "show": ("batch_show", "Show all that there is to know of a batch."),
}


@click.command("batch", cls=LazyCommands, table=COMMANDS)
def command() -> None:
    """Run the requests of a file when there is time.

    Each line of the file is one request, as POST /v1/batches takes it.

    \b
    penstock batch check requests.jsonl
    penstock batch create requests.jsonl --watch
    penstock batch results ID -o results.jsonl --errors errors.jsonl
    """
