"""One process of a server that has several: what it is to be is told by the supervisor, on its standard input.

The supervisor keeps that pipe open as long as it lives. When it closes, whatever the reason, the process breaks off
what runs and ends: none outlives its supervisor, kill -9 included.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from typing import Any

import click
import msgspec
import uvloop

from penstock.api.transport.listener import HttpListener
from penstock.catalogue.workers import Worker
from penstock.cli.garbage import leave_out_what_stays
from penstock.cli.listening import (
    Signals,
    bounds_here,
    drain_on_signal,
    listen,
    listen_for_metrics,
    log_to_terminal,
    showing_metrics,
    signals_here,
)
from penstock.cli.part_told import NO_USE, Part
from penstock.errors import OperatorError

_LAST_WORDS_SECONDS = 8.0
"""How long API processes may take to tell the owner what their last requests used, after these are over."""


def main() -> None:
    """Run the part that the first line of standard input tells of."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    part = msgspec.json.decode(line, type=Part)
    log_to_terminal(part.settings, process=part.name)
    try:
        uvloop.run(_own(part) if part.is_owner else _serve(part))
    except OperatorError as error:
        click.echo(f"Error: {error.message}", err=True)
        os._exit(NO_USE)
    sys.stderr.flush()
    os._exit(0)  # a thread of the store of files may not be done yet: see cli/__init__.py


async def _serve(part: Part) -> None:
    """An API process."""
    from penstock.app_api import running_api

    settings = part.settings
    signals = _signals()
    api = running_api(settings, name=part.name, owner=part.socket, secret=part.secret)
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(stack.enter_async_context(api))
        if not await _before(starting, signals):
            return
        process = starting.result()
        with listen(settings.host, part.port, option="--port", shared=True) as listening:
            listener = HttpListener(process.front, bounds_here(), connections=process.connections)
            await listener.start(listening)
            leave_out_what_stays()
            process.listens()
            await drain_on_signal(process.drain, signals, seconds=settings.drain_seconds, begun=_say_nothing)
            await listener.close()


async def _own(part: Part) -> None:
    """The owner: all of the server but the port that everybody sees."""
    # Only here: API processes do without the console and what it stands on, a third of what they would take.
    from penstock import app
    from penstock.cli.banner import Banner
    from penstock.processes.hall import Hall
    from penstock.processes.inside import Inside

    settings, signals, bounds = part.settings, _signals(), bounds_here()
    hall, banner = Hall(processes=settings.workers), Banner(settings, port=part.port)

    def changed(worker: Worker) -> None:
        banner.changed(worker)
        hall.tell_models()

    listener_of_models = app.Listener(banner.pulling, changed)
    async with AsyncExitStack() as stack:
        if watched := listen_for_metrics(settings):
            stack.enter_context(watched)
        penstock = await stack.enter_async_context(
            app.running(settings, listener_of_models, origins=part.origins, hall=hall)
        )
        stack.callback(banner.ended)
        await stack.enter_async_context(showing_metrics(penstock.metrics, watched, bounds))
        inside = stack.enter_context(listen("127.0.0.1", 0, option="--port"))
        listener = HttpListener(Inside(penstock.front, part.secret), bounds)
        await listener.start(inside)
        stack.push_async_callback(listener.close)
        leave_out_what_stays()
        port = inside.getsockname()[1]
        await stack.enter_async_context(hall.open(part.socket, penstock.workers, penstock.once, inside=port))
        if not part.again:
            if not await _before(asyncio.ensure_future(hall.full()), signals):
                return
            banner.show(chats=penstock.chats, setup_token=await penstock.setup.offer())

        def begun(under_way: int) -> None:
            banner.draining(under_way + hall.said().under_way)

        await drain_on_signal(penstock.drain, signals, seconds=settings.drain_seconds, begun=begun)
        # Their last requests need the engines, and then the ledger.
        await asyncio.wait({asyncio.ensure_future(hall.empty())}, timeout=settings.drain_seconds + _LAST_WORDS_SECONDS)


def _signals() -> Signals:
    """Those of the operating system, and two at once where the supervisor is gone: nothing is waited for then."""
    signals = signals_here()

    def look() -> None:
        if not os.read(0, 4096):
            asyncio.get_running_loop().remove_reader(0)
            signals.put_nowait(signal.SIGTERM)
            signals.put_nowait(signal.SIGTERM)

    asyncio.get_running_loop().add_reader(0, look)
    return signals


async def _before(work: "asyncio.Future[Any]", signals: Signals) -> bool:
    """Whether it came to its end before a signal."""
    told = asyncio.ensure_future(signals.get())
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        if told.done():
            signals.put_nowait(told.result())
        told.cancel()
        work.result()
        return True
    work.cancel()
    await asyncio.wait({work})
    return False


def _say_nothing(_under_way: int) -> None:
    """The owner says it, for all."""


if __name__ == "__main__":
    main()
