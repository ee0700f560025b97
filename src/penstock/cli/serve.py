"""`penstock serve`: the server in the foreground, with a banner that says how to use it."""

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import click
import uvloop

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.cli.garbage import leave_out_what_stays
from penstock.cli.listening import (
    bounds_here,
    drain_on_signal,
    listen,
    listen_for_metrics,
    log_to_terminal,
    showing_metrics,
    signals_here,
)
from penstock.cli.supervisor import supervise
from penstock.settings import Origins, Settings, parse_aliases, read_settings


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 8484]")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that take requests.  [default: 1]")
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
    if settings.workers > 1:
        uvloop.run(supervise(settings, origins))
        return
    log_to_terminal(settings)
    bounds = bounds_here()
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(listen(settings.host, settings.port, option="--port"))
        if watched := listen_for_metrics(settings):
            sockets.enter_context(watched)
        uvloop.run(_serve(settings, origins, listening, bounds, watched=watched))


async def _serve(
    settings: Settings, origins: Origins, listening: socket.socket, bounds: Bounds, *, watched: socket.socket | None
) -> None:
    # Only here: with several workers this process looks after others, and has no need of all that they load.
    from penstock import app
    from penstock.cli.banner import Banner

    banner = Banner(settings, port=listening.getsockname()[1])
    listening_to = app.Listener(pulling=banner.pulling, changed=banner.changed)
    async with app.running(settings, listening_to, origins=origins) as penstock:
        listener = HttpListener(penstock.front, bounds, connections=penstock.connections)
        async with showing_metrics(penstock.metrics, watched, bounds):
            await listener.start(listening)
            leave_out_what_stays()
            banner.show(chats=penstock.chats, setup_token=await penstock.setup.offer())
            await drain_on_signal(penstock.drain, signals_here(), seconds=settings.drain_seconds, begun=banner.draining)
            await listener.close()
        banner.ended()
