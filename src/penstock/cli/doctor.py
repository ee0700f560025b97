"""`penstock doctor`: is this machine fit to serve, and if not, what is to be done?"""

import asyncio
import dataclasses
import errno
import http.client
import json
import os
import shutil
import socket
import tempfile
import threading
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from penstock.batches.blobs import Blobs
from penstock.catalogue import machine
from penstock.catalogue.machine import Check
from penstock.catalogue.models import Catalogue, Model, load_catalogue, why_not_here
from penstock.catalogue.pull import verify
from penstock.catalogue.store import ModelStore, megabytes
from penstock.catalogue.tuning import TuningStore
from penstock.cli import tuning
from penstock.database.connection import Database
from penstock.database.schema import newest_revision, revision_of
from penstock.engines.llama_cpp import available_memory
from penstock.errors import OperatorError, StorageAway
from penstock.settings import Settings, load_settings
from penstock.tenants.valkey_store import StoreAway, ValkeyStore

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_ROOM_TO_WORK = 200_000_000
"""Bytes that database and logs should find free beside the models."""
_HEALTH_SECONDS = 2.0


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Also read every model file to its end and check its hash.")
@click.option(
    "--tune",
    is_flag=False,
    flag_value="",
    metavar="[MODEL]",
    help="Instead, measure which settings of the embedded engine are fastest here, for a few minutes, and keep them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; of --tune, an object.")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Where models, keys and usage are kept.")
@click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file.  [default: penstock.toml]"
)
def command(deep: bool, tune: str | None, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Check this machine and say how to mend what is wrong. Nothing is changed but by --tune.

    Exits with 0 when nothing failed, warnings or not; with 1 otherwise.
    """
    settings = load_settings({"data_dir": data_dir}, os.environ, config=config)
    if tune is not None:
        tuning.tune(settings, tune, as_json=as_json)
        return
    checks = examine(settings, deep=deep)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    if any(check.mark == "fail" for check in checks):
        raise click.exceptions.Exit(1)


def _print(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{click.style(f'{check.mark:4}', fg=_COLOURS[check.mark])}  {check.name:{width}}  {check.fact}")
        if check.fix:
            click.echo(f"{'':{width + 8}}{check.fix}")


def examine(settings: Settings, *, deep: bool) -> list[Check]:
    """Everything there is to look at, for the models that these settings serve."""
    catalogue = load_catalogue(settings.models, settings.aliases)
    store = ModelStore(settings.data_path / "models")
    tunings = TuningStore(settings.data_path / "tuning")
    served, unknown = _served(settings, catalogue)
    return [
        machine.check_python(),
        machine.check_sqlite(),
        machine.check_cpu(machine.read_cpuinfo(), from_source=machine.built_from_source()),
        machine.check_engine(),
        machine.check_memory(served, available_memory()),
        check_data_folder(settings.data_path),
        check_database(settings),
        check_disk(settings.data_path, served, store),
        check_port(settings.host, settings.port),
        *([check_valkey(settings.valkey_url)] if settings.valkey_url else []),
        *([check_files(settings.files_url)] if settings.files_url else []),
        *(check_model(model, store, deep=deep) for model in served),
        *filter(None, (tuning.check_tuning(model, store.path_of(model), tunings) for model in served)),
        *unknown,
    ]


def _served(settings: Settings, catalogue: Catalogue) -> tuple[list[Model], list[Check]]:
    served: dict[str, Model] = {}
    unknown = []
    for name in settings.serve:
        try:
            model = catalogue.get(name)
            served[model.id] = model
        except OperatorError as error:
            unknown.append(Check("Model", "fail", f"{name} cannot be served", error.message))
    return list(served.values()), unknown


def check_data_folder(folder: Path) -> Check:
    """Whether the data folder can be written or, where there is none yet, be made."""
    name, fix = "Data folder", "Mend its permissions, or choose another with --data-dir."
    if folder.is_dir():
        try:
            with tempfile.TemporaryFile(dir=folder):
                return Check(name, "ok", f"{folder} can be written")
        except OSError as error:
            return Check(name, "fail", f"{folder} cannot be written: {error.strerror}", fix)
    parent = _existing(folder)
    if folder.exists() or not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return Check(name, "fail", f"{folder} cannot be made below {parent}", fix)
    return Check(name, "ok", f"{folder} does not exist yet; the first command that needs it makes it")


def check_database(settings: Settings) -> Check:
    """Whether the database answers and its schema is one that this version works with."""
    name = "Database"
    if not settings.database_url and not (settings.data_path / "penstock.db").is_file():
        return Check(name, "ok", "SQLite in the data folder, not made yet")
    try:
        kind, shown, revision = asyncio.run(_look_at(settings.database))
    except OperatorError as error:
        return Check(name, "fail", "it cannot be used", error.message)
    schema = f"its schema is {revision or 'not made yet'}"
    if revision in (None, newest_revision()):
        return Check(name, "ok", f"{kind}, {shown}: {schema}")
    return Check(name, "ok", f"{kind}, {shown}: {schema}; the next start brings it to {newest_revision()}")


async def _look_at(url: str) -> tuple[str, str, str | None]:
    database = Database(url)
    await database.connect()
    try:
        return database.kind, database.shown, await revision_of(database)
    finally:
        await database.close()


def check_disk(folder: Path, served: list[Model], store: ModelStore) -> Check:
    """Whether what is not pulled yet will fit. A wheel and the file inside it are there together for a moment."""
    missing = [model for model in served if not why_not_here(model) and not store.is_present(model)]
    need = _ROOM_TO_WORK + sum(2 * model.size_bytes for model in missing)
    free = shutil.disk_usage(_existing(folder)).free
    fact = f"{megabytes(free)} free, {megabytes(need)} needed"
    if free >= need:
        return Check("Disk", "ok", fact)
    return Check("Disk", "fail", fact, "Free some, or choose another disk with --data-dir.")


def _existing(folder: Path) -> Path:
    """The folder itself, or the first above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def check_port(host: str, port: int) -> Check:
    """Whether the server could listen, or is there already."""
    if port == 0:
        return Check("Port", "ok", "a free one will be taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            fix = "Choose another with --host and --port."
            return Check("Port", "fail", f"{host}:{port} cannot be listened on: {error.strerror or error}", fix)
        if _penstock_answers(host, port):
            return Check("Port", "ok", f"{port} is held by a Penstock that is running")
        return Check("Port", "fail", f"{port} is held by another program", "End that, or choose another with --port.")
    return Check("Port", "ok", f"{port} on {host} is free")


def _penstock_answers(host: str, port: int) -> bool:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(reached, port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/health")
        response = connection.getresponse()
        return response.status == 200 and json.loads(response.read(1000)) == {"status": "ok"}
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def check_valkey(url: str) -> Check:
    """Whether the store that servers share their limits by can be used."""
    name = "Shared limits"
    try:
        store = ValkeyStore(url)
    except OperatorError as error:
        return Check(name, "fail", "valkey_url cannot be read", error.message)
    try:
        asyncio.run(_reach(store))
    except StoreAway as error:
        fix = "Start it, or mend valkey_url; until then each server allows only its share of each limit."
        return Check(name, "fail", f"{store.place} cannot be used: {error}", fix)
    return Check(name, "ok", f"{store.place} answers")


async def _reach(store: ValkeyStore) -> None:
    try:
        await store.open()
        await store.ask([("beat", ("",))])
    finally:
        await store.close()


def check_files(url: str) -> Check:
    """Whether the store of files can be read."""
    name = "Files"
    if url.startswith("file:"):
        return replace(check_data_folder(Path(urlsplit(url).path)), name=name)
    try:
        asyncio.run(_look_into(url))
    except OperatorError as error:
        return Check(name, "fail", "files_url cannot be used", error.message)
    except StorageAway as error:
        fix = "Mend files_url, or what opens the store in the environment; until then uploads and batches wait."
        return Check(name, "fail", f"the store cannot be read: {str(error.__cause__).partition(chr(10))[0]}", fix)
    return Check(name, "ok", "the store answers")


async def _look_into(url: str) -> None:
    async with aclosing(Blobs.at(url, Path()).all()) as found:
        await anext(found, None)


def check_model(model: Model, store: ModelStore, *, deep: bool) -> Check:
    """Whether a model can run here and its file is here; `deep` reads the file to its end."""
    name = "Model"
    if reason := why_not_here(model):
        return Check(name, "fail", f"{model.id} cannot run here", reason)
    path = store.path_of(model)
    if path is None:
        return Check(name, "ok", f"{model.id} needs no file")
    again = f"penstock models rm {model.id} && penstock models pull {model.id}"
    if not store.is_present(model):
        if model.source.startswith("file:"):
            return Check(name, "fail", f"{path} of {model.id} is not there", "Put it there, or change the source.")
        if path.exists():
            return Check(name, "fail", f"the file of {model.id} has the wrong size", again)
        return Check(
            name,
            "warn",
            f"{model.id} is not here yet",
            f"penstock serve fetches it; or penstock models pull {model.id}",
        )
    if deep:
        try:
            verify(model, path, stop=threading.Event())
        except OperatorError as error:
            return Check(name, "fail", error.message, again)
    checked = ", hash verified" if deep and model.sha256 else ""
    return Check(name, "ok", f"{model.id} is here ({megabytes(path.stat().st_size)}{checked})")
