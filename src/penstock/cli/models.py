"""`penstock models`: what there is to serve, and what of it is on disk."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from penstock.catalogue import pull as pulling
from penstock.catalogue.models import Catalogue, Model, load_catalogue, why_not_here
from penstock.catalogue.store import ModelStore, megabytes
from penstock.errors import OperatorError
from penstock.settings import load_settings

_STATES = {"ready": "ready", "not_pulled": "not pulled", "needs_gpu": "needs a GPU engine"}
_HEADS = ("ID", "KIND", "ENGINE", "CONTEXT", "SIZE", "STATE", "ALSO AS")


@dataclass(frozen=True)
class _Shelf:
    """The catalogue, and the files that are here."""

    catalogue: Catalogue
    store: ModelStore

    def state_of(self, model: Model) -> str:
        if why_not_here(model):
            return "needs_gpu"
        return "ready" if self.store.is_present(model) else "not_pulled"

    def aliases_of(self, model: Model) -> list[str]:
        return [name for name in self.catalogue.names_of(model.id) if name != model.id]

    def described(self, model: Model) -> dict[str, Any]:
        path = self.store.path_of(model)
        return {
            **msgspec.to_builtins(model),
            "state": self.state_of(model),
            "aliases": self.aliases_of(model),
            "path": str(path) if path and self.store.is_present(model) else None,
        }


def _shelf(data_dir: str | None, config: Path | None) -> _Shelf:
    settings = load_settings({"data_dir": data_dir}, os.environ, config=config)
    return _Shelf(load_catalogue(settings.models, settings.aliases), ModelStore(settings.data_path / "models"))


def _places(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say where to look."""
    file = click.Path(dir_okay=False, path_type=Path)
    function = click.option("--config", type=file, help="Settings file.  [default: penstock.toml]")(function)
    return click.option("--data-dir", type=click.Path(file_okay=False), help="Where the models are kept.")(function)


@click.group("models")
def command() -> None:
    """List, pull, show and remove models."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@_places
def list_models(as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """List every model of the catalogue."""
    shelf = _shelf(data_dir, config)
    if as_json:
        click.echo(json.dumps([shelf.described(model) for model in shelf.catalogue], indent=2))
        return
    rows = [_HEADS, *(_row(shelf, model) for model in shelf.catalogue)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(shelf: _Shelf, model: Model) -> tuple[str, ...]:
    size = megabytes(model.size_bytes) if model.size_bytes else "-"
    state, aliases = _STATES[shelf.state_of(model)], ", ".join(shelf.aliases_of(model))
    return (model.id, model.kind, model.engine, str(model.context_length), size, state, aliases)


@command.command("show")
@click.argument("model_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_places
def show(model_id: str, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show all that the catalogue says of a model."""
    shelf = _shelf(data_dir, config)
    model = shelf.catalogue.get(model_id)
    described = shelf.described(model)
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    described["state"] = _STATES[described["state"]]
    described["aliases"] = ", ".join(described["aliases"])
    if model.engine != "echo":
        del described["echo"]
    if model.kind != "embedding":
        del described["pooling"]
    for key, value in described.items():
        if value not in (None, "", 0):
            click.echo(f"{key.replace('_', ' '):20}{value}")
    if reason := why_not_here(model):
        click.echo(f"\n{reason}")


@command.command("pull")
@click.argument("model_id", metavar="ID")
@_places
def pull(model_id: str, data_dir: str | None, config: Path | None) -> None:
    """Bring a model's file into the data folder and print its path.

    What an interrupted pull has brought is used again. A file that is here already is not fetched again.
    """
    shelf = _shelf(data_dir, config)
    model = shelf.catalogue.get(model_id)
    stop = threading.Event()
    # Ctrl-C raises in here by itself; without this, SIGTERM would leave the downloader behind.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    path = _pull_and_tell(model, shelf.store, stop)
    if path is None:
        click.echo(f"{model.id} needs no file.", err=True)
    else:
        click.echo(path)


def _pull_and_tell(model: Model, store: ModelStore, stop: threading.Event) -> Path | None:
    terminal = sys.stderr.isatty()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=not terminal,
    )  # fmt: skip
    task = bar.add_task(model.id, total=None)
    stages: list[str] = []

    def heard(progress: pulling.Progress) -> None:
        if not stages and not terminal:
            click.echo(f"Downloading {model.id} from {model.source} ...", err=True)
        if stages[-1:] != [progress.stage]:
            stages.append(progress.stage)
            bar.reset(task, description=f"{model.id}: {progress.stage}")
        bar.update(task, completed=progress.received_bytes, total=progress.total_bytes or None)

    with bar:
        path = pulling.pull(model, store, progress=heard, stop=stop)
    if path is not None:
        size = megabytes(path.stat().st_size)
        click.echo(f"{model.id} is {'ready' if stages else 'here already'} ({size}).", err=True)
    return path


@command.command("rm")
@click.argument("model_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_places
def remove(model_id: str, yes: bool, data_dir: str | None, config: Path | None) -> None:
    """Delete a model's file, and whatever an unfinished pull has left. Its catalogue entry stays."""
    shelf = _shelf(data_dir, config)
    model = shelf.catalogue.get(model_id)
    if model.source.startswith("file:"):
        raise OperatorError(f"{model.id} is a file of your own, {shelf.store.path_of(model)}. Delete it by hand.")
    size = shelf.store.bytes_on_disk(model)
    if not size:
        click.echo(f"Nothing of {model.id} is on disk.", err=True)
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"This deletes {megabytes(size)}. Confirm with --yes.")
        click.confirm(f"Delete {megabytes(size)} of {model.id}?", abort=True, err=True)
    click.echo(f"Deleted {megabytes(shelf.store.remove(model))} of {model.id}.", err=True)
