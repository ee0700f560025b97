"""What every process that serves does with its terminal: sockets, signals, and the log."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from penstock.api.drain import Drain
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.connection import Application
from penstock.api.transport.listener import HttpListener
from penstock.errors import OperatorError
from penstock.settings import Settings

BACKLOG = 2048
_OTHER_FILES = 256
"""Open files that are no connections: the database, logs, pipes to engines, and the listener for metrics."""
_MOST_WATCHERS = 64
"""Connections at once to the listener for metrics."""

Signals = asyncio.Queue[int]


def log_to_terminal(settings: Settings, *, process: str = "") -> None:
    """`process` is what stands in each line of one of several processes."""
    name = f" [{process}]" if process else ""
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s %(levelname)s{name} %(name)s: %(message)s")
    logging.getLogger("penstock.request").setLevel(logging.INFO if settings.access_log else logging.WARNING)
    # It warns of each batch that a lost connection broke off, which the ledger tells once.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def bounds_here() -> Bounds:
    """The bounds of connections, within the limit of open files."""
    bounds = Bounds()
    return replace(bounds, connections=min(bounds.connections, _most_connections()))


def _most_connections() -> int:
    """How many clients the limit of open files allows; a stream takes one file for its client, one for its engine.

    The soft limit is raised to the hard one first: shells often give 1,024.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS calls its hard limit infinite and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, (soft - _OTHER_FILES) // 2)


def family_of(host: str) -> socket.AddressFamily:
    """Of an address to listen on."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listen(host: str, port: int, *, option: str, shared: bool = False) -> socket.socket:
    """A socket that listens; `shared` with other processes that share it, too. Raises OperatorError."""
    try:
        return socket.create_server((host, port), family=family_of(host), backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise OperatorError(
            f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}. Is another server running? "
            f"Choose another port with {option}{', or a free one with --port 0' if option == '--port' else ''}."
        ) from error


def listen_for_metrics(settings: Settings) -> socket.socket | None:
    """The socket of the listener for metrics; None where the settings want none. Raises OperatorError."""
    if not settings.metrics_port:
        return None
    return listen(settings.metrics_host, settings.metrics_port, option="metrics_port")


@contextlib.asynccontextmanager
async def showing_metrics(metrics: Application, watched: socket.socket | None, bounds: Bounds) -> AsyncIterator[None]:
    """Show the numbers on a listener of their own, until the last answer is over."""
    if watched is None:
        yield
        return
    listener = HttpListener(metrics, replace(bounds, connections=_MOST_WATCHERS))
    await listener.start(watched)
    try:
        yield
    finally:
        await listener.close()


def signals_here() -> Signals:
    """Where SIGTERM and Ctrl-C come from now on."""
    signals = Signals()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    return signals


async def drain_on_signal(drain: Drain, signals: Signals, *, seconds: float, begun: Callable[[int], None]) -> None:
    """Wait for a signal, tell `begun` how much runs, then wait for that; a second signal waits no longer."""
    await signals.get()
    begun(drain.under_way)
    drained = asyncio.create_task(drain.finish(seconds=seconds))
    again = asyncio.create_task(signals.get())
    await asyncio.wait({drained, again}, return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    if not drained.done():
        drained.cancel()
        await drain.finish(seconds=0)
