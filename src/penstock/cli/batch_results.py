"""`penstock batch results`: what came of a batch, into files or a pipe."""

import codecs
import os
import sys
from pathlib import Path
from typing import Any

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_object import OVER, Batch, faults_of, fetch, lines_of
from penstock.cli.client import Client
from penstock.cli.screen import printable
from penstock.cli.transfer import Draft, parts_of, save
from penstock.errors import OperatorError

_PLACE = click.Path(dir_okay=False, path_type=Path)


@click.command("results")
@click.argument("batch_id", metavar="ID")
@click.option("-o", "--output", type=_PLACE, metavar="FILE", help="Put them here.  [default: standard output]")
@click.option("--errors", type=_PLACE, metavar="FILE", help="Put here what became of the lines that failed.")
@server_options
def command(batch_id: str, output: Path | None, errors: Path | None, **server: Any) -> None:
    """Fetch the answers of a batch that is over: a line of JSON for each request, with its custom_id.

    A file is there when all of it has come, and not before. One without lines is empty.
    """
    with open_access("penstock batch", **server) as access:
        batch = fetch(access.client, batch_id)
        _check(batch)
        if errors is not None:
            _put(access.client, batch["error_file_id"], errors)
        if output is not None:
            _put(access.client, batch["output_file_id"], output)
        elif batch["output_file_id"]:
            _print(access.client, batch["output_file_id"])
    if batch["error_file_id"] and errors is None:
        click.echo(f"{lines_of(batch)}; --errors FILE fetches those.", err=True)


def _check(batch: Batch) -> None:
    if batch["status"] == "failed":
        faults = "\n".join(f"  {fault}" for fault in faults_of(batch))
        raise OperatorError(f"Nothing of {batch['id']} was run: its input is wrong.\n{faults}")
    if batch["status"] not in OVER:
        raise OperatorError(
            f"{batch['id']} is {batch['status']}, {lines_of(batch) or 'no line answered'}. Its results are there when "
            f"it is over. Wait for it with: penstock batch watch {batch['id']}"
        )


def _put(client: Client, file_id: str | None, path: Path) -> None:
    if file_id:
        size = save(client, file_id, path)
    else:
        size = 0
        with Draft(path):
            pass
    if sys.stderr.isatty():
        click.secho(f"{path}: {size:,} bytes", err=True, dim=True)


def _print(client: Client, file_id: str) -> None:
    """As it is; on a terminal without what could steer that."""
    try:
        if sys.stdout.isatty():
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            for part in parts_of(client, file_id):
                sys.stdout.write(printable(decoder.decode(part)))
        else:
            for part in parts_of(client, file_id):
                sys.stdout.buffer.write(part)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has enough, as `head` does; Python must not try to flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
