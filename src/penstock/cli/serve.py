"""`penstock serve`: the server in the foreground, with a banner that says how to use it."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import uvloop

from penstock import app
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.cli.banner import Banner
from penstock.errors import OperatorError
from penstock.settings import Origins, Settings, parse_aliases, read_settings

_BACKLOG = 2048
_OTHER_FILES = 256
"""Open files that are no connections: the database, logs, pipes to engines, and the listener for metrics."""
_MOST_WATCHERS = 64
"""Connections at once to the listener for metrics."""


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 8484]")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Where models, keys and usage are kept.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file.  [default: penstock.toml]",
)
@click.option("--model", "serve", multiple=True, metavar="ID", help="Model to serve; may be given more than once.")
@click.option(
    "--alias", "aliases", multiple=True, metavar="NAME=ID", help="One more name for a model; may be repeated."
)
@click.option("--access-log/--no-access-log", default=None, help="A line in the log for each request.  [default: on]")
def command(config: Path | None, aliases: tuple[str, ...], **flags: Any) -> None:
    """Start the server: the API, and an engine for each model.

    The first start downloads the default model (98 MB). Ctrl-C lets running answers finish for up to 30 s; a second
    Ctrl-C breaks them off.
    """
    settings, origins = read_settings(
        {**flags, "aliases": parse_aliases(aliases) if aliases else None}, os.environ, config=config
    )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("penstock.request").setLevel(logging.INFO if settings.access_log else logging.WARNING)
    # It warns of each batch that a lost connection broke off, which the ledger tells once.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    bounds = Bounds()
    bounds = replace(bounds, connections=min(bounds.connections, _most_connections()))
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(_listen(settings.host, settings.port, option="--port"))
        watched = None
        if settings.metrics_port:
            watched = _listen(settings.metrics_host, settings.metrics_port, option="metrics_port")
            sockets.enter_context(watched)
        uvloop.run(_serve(settings, origins, listening, bounds, watched=watched))


async def _serve(
    settings: Settings, origins: Origins, listening: socket.socket, bounds: Bounds, *, watched: socket.socket | None
) -> None:
    banner = Banner(settings, port=listening.getsockname()[1])
    listening_to = app.Listener(pulling=banner.pulling, changed=banner.changed)
    async with app.running(settings, listening_to, origins=origins) as penstock:
        listener = HttpListener(penstock.front, bounds, connections=penstock.connections)
        async with _metrics(penstock, watched, bounds):
            await listener.start(listening)
            chats = any(worker.model.kind == "chat" for _, worker in penstock.workers.named())
            banner.show(chats=chats, setup_token=await penstock.setup.offer())
            await _drain_on_signal(penstock, settings.drain_seconds, banner)
            await listener.close()
        banner.ended()


@contextlib.asynccontextmanager
async def _metrics(penstock: app.Penstock, watched: socket.socket | None, bounds: Bounds) -> AsyncIterator[None]:
    """Show the numbers on a listener of their own, until the last answer is over."""
    if watched is None:
        yield
        return
    listener = HttpListener(penstock.metrics, replace(bounds, connections=_MOST_WATCHERS))
    await listener.start(watched)
    try:
        yield
    finally:
        await listener.close()


async def _drain_on_signal(penstock: app.Penstock, seconds: float, banner: Banner) -> None:
    """Wait for SIGTERM or Ctrl-C, then for what runs; a second signal waits no longer."""
    signals: asyncio.Queue[int] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    await signals.get()
    banner.draining(penstock.drain.under_way)
    drained = asyncio.create_task(penstock.drain.finish(seconds=seconds))
    again = asyncio.create_task(signals.get())
    await asyncio.wait({drained, again}, return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    if not drained.done():
        drained.cancel()
        await penstock.drain.finish(seconds=0)


def _most_connections() -> int:
    """How many clients the limit of open files allows; a stream takes one file for its client, one for its engine.

    The soft limit is raised to the hard one first: shells often give 1,024.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS calls its hard limit infinite and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, (soft - _OTHER_FILES) // 2)


def _listen(host: str, port: int, *, option: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OperatorError(
            f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}. Is another server running? "
            f"Choose another port with {option}{', or a free one with --port 0' if option == '--port' else ''}."
        ) from error
