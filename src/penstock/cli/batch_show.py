"""`penstock batch show`: one batch."""

from typing import Any

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_object import Batch, ended_at, faults_of, fetch, lines_of, span, tokens_of
from penstock.cli.tables import day, print_fields, print_json

_MOMENTS = ("created", "in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled")


@click.command("show")
@click.argument("batch_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@server_options
def command(batch_id: str, as_json: bool, **server: Any) -> None:
    """Show all that there is to know of a batch."""
    with open_access("penstock batch", **server) as access:
        batch = fetch(access.client, batch_id)
    if as_json:
        print_json(batch)
        return
    print_fields(_fields(batch))
    for fault in faults_of(batch):
        click.echo(f"  {fault}")


def _fields(batch: Batch) -> dict[str, str]:
    moments = {f"{name.replace('_', ' ')}": day(batch[f"{name}_at"], never="") for name in _MOMENTS}
    ended = ended_at(batch)
    return {
        "id": batch["id"],
        "status": batch["status"],
        "lines": lines_of(batch),
        "tokens": tokens_of(batch),
        "endpoint": batch["endpoint"],
        "model": batch["model"] or "",
        **{f"metadata {key}": value for key, value in (batch["metadata"] or {}).items()},
        "window": f"{batch['completion_window']}, until {day(batch['expires_at'])}",
        **moments,
        "took": span(ended - batch["in_progress_at"]) if ended and batch["in_progress_at"] else "",
        "input file": batch["input_file_id"],
        "output file": batch["output_file_id"] or "",
        "error file": batch["error_file_id"] or "",
    }
