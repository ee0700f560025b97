"""`penstock batch create`: a file of requests goes to the server, which runs it."""

import json
import re
import sys
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_watch import watched
from penstock.cli.client import Client
from penstock.cli.screen import printable
from penstock.cli.transfer import upload
from penstock.errors import OperatorError
from penstock.protocol.batches import BatchEndpoint

ENDPOINTS: tuple[str, ...] = get_args(BatchEndpoint)

LONGEST_WINDOW_HOURS = 168
_KEY_STAYS_HOURS = 1
"""So much longer than the window does a key live that was made for a batch."""
_LONGEST_FIRST_LINE = 1 << 24


def _window(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """A whole number of hours from 1h to 168h, as the wire has it."""
    found = re.fullmatch(r"0*([1-9][0-9]{0,2})h", value)
    if found is None or int(found[1]) > LONGEST_WINDOW_HOURS:
        raise click.BadParameter(f"{value!r} is no window; one is a whole number of hours, from 1h to 168h.")
    return f"{found[1]}h"


@click.command("create")
@click.argument("file")
@click.option("--endpoint", type=click.Choice(ENDPOINTS), help="Where its requests go.  [default: as its first line]")
@click.option(
    "--window",
    callback=_window,
    metavar="24h",
    default="24h",
    show_default=True,
    help="It is done by then, or expires.",
)
@click.option("--metadata", "pairs", multiple=True, metavar="KEY=VALUE", help="Kept with the batch.  [repeatable]")
@click.option("--watch", "watching", is_flag=True, help="Stay and show how it goes, as `penstock batch watch` does.")
@server_options
def command(file: str, endpoint: str | None, window: str, pairs: tuple[str, ...], watching: bool, **server: Any) -> int:
    """Upload FILE and start a batch of its requests.

    The batch's id is printed, alone, on standard output. FILE may also be the id of a file that is on the server
    already; then --endpoint has to be given. `penstock batch check FILE` finds mistakes in a file before it is sent.
    """
    metadata = _metadata(pairs)
    path = Path(file)
    uploaded = file.startswith("file-") and not path.exists()
    if endpoint is None and uploaded:
        raise click.UsageError("--endpoint is needed with the id of a file.")
    if endpoint is None:
        endpoint = _endpoint_of(path)
    hours = int(window.removesuffix("h")) + _KEY_STAYS_HOURS
    with open_access("penstock batch", life_seconds=hours * 3600, stays=True, **server) as access:
        file_id = file if uploaded else _upload(access.client, path)
        asked = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": window}
        batch = access.client.post("/v1/batches", {**asked, **({"metadata": metadata} if metadata else {})})
    click.echo(batch["id"])
    if access.note:
        _tell(access.note)
    if watching:
        return watched(access.client, batch["id"])
    _tell(f"Watch it with: penstock batch watch {batch['id']}")
    return 0


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)


def _metadata(pairs: tuple[str, ...]) -> dict[str, str]:
    given = [pair.partition("=") for pair in pairs]
    if wrong := [pair for pair, (key, equals, _) in zip(pairs, given, strict=True) if not (key and equals)]:
        raise click.UsageError(f"{wrong[0]!r} is no metadata; KEY=VALUE would be.")
    return {key: value for key, _, value in given}


def _endpoint_of(path: Path) -> str:
    """Where the first request of the file goes, which is where all of them have to. Raises OperatorError."""
    try:
        with path.open("rb") as file:
            line = next((line for line in iter(lambda: file.readline(_LONGEST_FIRST_LINE), b"") if line.strip()), b"")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        request = json.loads(line.decode("utf-8-sig"))
    except ValueError:
        request = None
    url = request.get("url") if isinstance(request, dict) else None
    if url not in ENDPOINTS:
        raise OperatorError(
            f"The first line of {path} is no request of a batch, whose url is one of {', '.join(ENDPOINTS)}. "
            "`penstock batch check` tells more; --endpoint sends the file as it is."
        )
    return str(url)


def _upload(client: Client, path: Path) -> str:
    """Send the file, with a bar for whoever looks at it; the id that the server gave it."""
    shown = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    size = path.stat().st_size if path.is_file() else None
    with bar:
        task = bar.add_task(f"Uploading {printable(path.name)}", total=size)
        file = upload(client, path, told=lambda sent: bar.advance(task, sent))
    _tell(f"Uploaded {path.name}, {file['bytes']:,} bytes, as {file['id']}.")
    return str(file["id"])
