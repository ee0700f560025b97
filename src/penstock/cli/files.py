"""`penstock files`: the files of a running server, that batches read and write."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from penstock.cli.access import open_access, server_options
from penstock.cli.client import Client
from penstock.cli.durations import seconds_of
from penstock.cli.screen import printable
from penstock.cli.tables import day, distance, print_fields, print_json, print_table
from penstock.cli.transfer import parts_of, save
from penstock.cli.transfer import upload as send

_HEADINGS = ("Id", "Name", "Bytes", "Purpose", "Created", "Expires")
_SHORTEST, _LONGEST = 3600, 2_592_000
_STDOUT = Path("-")


@click.group("files")
def command() -> None:
    """Upload, list, download and remove files of a running server.

    They belong to the account of the key, and are what batches read and write.

    \b
    penstock files upload requests.jsonl --expires 7d
    penstock files download file-0123456789abcdef01234567 answers.jsonl
    """


@command.command("list")
@click.option("--purpose", type=click.Choice(["batch", "batch_output"]), help="Only those that are for this.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_options
def list_files(purpose: str | None, as_json: bool, **server: Any) -> None:
    """List files, the newest first."""
    with open_access("penstock files", **server) as access:
        files = list(_pages(access.client, purpose))
    if as_json:
        print_json(files)
    elif files:
        print_table(_HEADINGS, map(_row, files))
    else:
        click.echo("There are no files. Upload one with: penstock files upload FILE", err=True)


@command.command("show")
@click.argument("file_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
def show(file_id: str, as_json: bool, **server: Any) -> None:
    """Show one file."""
    with open_access("penstock files", **server) as access:
        file = access.client.get(_path(file_id))
    if as_json:
        print_json(file)
    else:
        print_fields(dict(zip(_HEADINGS, _row(file), strict=True)))


@command.command("upload")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--expires", metavar="7d", help="Life of the file, from 1h to 30d.  [default: until it is removed]")
@click.option("--json", "as_json", is_flag=True, help="Print the file as JSON in place of its id.")
@server_options
def upload(path: Path, expires: str | None, as_json: bool, **server: Any) -> None:
    """Upload FILE for batches to read, and print its id, alone, on standard output."""
    fields = {}
    if expires is not None:
        seconds = seconds_of(expires)
        if not _SHORTEST <= seconds <= _LONGEST:
            raise click.UsageError("A file's life is from 1h to 30d.")
        fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(seconds)}
    with open_access("penstock files", **server) as access:
        size = path.stat().st_size if path.is_file() else None
        with _bar(path.name, size) as told:
            file = send(access.client, path, told=told, fields=fields)
    if as_json:
        print_json(file)
    else:
        click.echo(file["id"])


@command.command("download")
@click.argument("file_id", metavar="ID")
@click.argument("path", metavar="[PATH]", type=click.Path(path_type=Path), default=_STDOUT)
@server_options
def download(file_id: str, path: Path, **server: Any) -> None:
    """Write what is in a file to PATH, which then has all of it or is as it was; without a PATH to standard output."""
    with open_access("penstock files", **server) as access:
        size = access.client.get(_path(file_id))["bytes"]
        if path != _STDOUT:
            with _bar(path.name, size) as told:
                save(access.client, file_id, path, told=told)
            return
        try:
            for part in parts_of(access.client, file_id):
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Whoever read our output has enough, as `head` does; Python must not try to flush the rest at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@command.command("rm")
@click.argument("file_ids", metavar="ID...", nargs=-1, required=True)
@server_options
def remove(file_ids: tuple[str, ...], **server: Any) -> None:
    """Remove files. A batch that is reading one goes on."""
    with open_access("penstock files", **server) as access:
        for file_id in file_ids:
            access.client.delete(_path(file_id))
            click.echo(f"{file_id} is removed.", err=True)


def _path(file_id: str) -> str:
    return f"/v1/files/{quote(file_id, safe='')}"


def _pages(client: Client, purpose: str | None) -> Iterator[dict[str, Any]]:
    """All files, page by page."""
    only, after = f"&purpose={purpose}" if purpose else "", ""
    while True:
        page = client.get(f"/v1/files?limit=1000{only}{after}")
        yield from page["data"]
        if not page["has_more"]:
            return
        after = f"&after={quote(page['last_id'], safe='')}"


def _row(file: dict[str, Any]) -> tuple[str, ...]:
    return (
        file["id"],
        file["filename"],
        f"{file['bytes']:,}",
        file["purpose"],
        day(file["created_at"]),
        distance(file.get("expires_at")),
    )


@contextmanager
def _bar(name: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal. It hears how many bytes more have gone."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    hidden = not sys.stderr.isatty()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(printable(name), total=size)
        yield lambda more: bar.advance(task, more)
