"""`penstock serve` with several workers: keeps one owner and so many API processes running, and ends them all."""

import asyncio
import logging
import secrets
import socket
import sys
import tempfile
import time
from dataclasses import dataclass

import msgspec

from penstock.cli.listening import family_of, listen, log_to_terminal, signals_here
from penstock.cli.part_told import NO_USE, OWNER, Part
from penstock.errors import OperatorError
from penstock.settings import Origins, Settings

log = logging.getLogger(__name__)

_FIRST_BACKOFF_SECONDS = 0.2
_LAST_BACKOFF_SECONDS = 8.0
_STEADY_SECONDS = 30.0
"""Who has run for so long is started anew at once, however often it has died before."""
_GRACE_SECONDS = 20.0
"""What processes may take to end beside the time for running answers; longer, and they are killed."""


async def supervise(settings: Settings, origins: Origins) -> None:
    """Run until a signal comes. Raises OperatorError where the server cannot run at all."""
    if sys.platform != "linux":
        raise OperatorError("Several workers share their port in a way that only Linux has. Set workers to 1.")
    log_to_terminal(settings, process="supervisor")
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder, _reserved(settings) as reserved:
        part = Part(
            name=OWNER,
            settings=settings,
            port=reserved.getsockname()[1],
            folder=folder,
            secret=secrets.token_urlsafe(32),
            file=None if origins.file is None else str(origins.file),
            flags=sorted(origins.flags),
            variables=sorted(origins.variables),
            keys=sorted(origins.keys),
        )
        names = [OWNER, *(f"api {number}" for number in range(1, settings.workers + 1))]
        await _keep_all([_Kept(msgspec.structs.replace(part, name=name)) for name in names], settings.drain_seconds)


def _reserved(settings: Settings) -> socket.socket:
    """A socket that holds the port and listens to nothing, so that API processes may come and go."""
    # Those that share a port let each other in. One that does not tells whether another server has it.
    with listen(settings.host, settings.port, option="--port") as alone:
        port = alone.getsockname()[1]
    reserved = socket.socket(family_of(settings.host))
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((settings.host, port))
    return reserved


@dataclass(eq=False)
class _Kept:
    """A process that is started anew whenever it ends."""

    part: Part
    process: asyncio.subprocess.Process | None = None

    async def keep(self) -> None:
        """Until cancelled. Raises OperatorError where it could not run at all."""
        backoff = _FIRST_BACKOFF_SECONDS
        part = self.part
        while True:
            since = time.monotonic()
            process = await self._start(part)
            status = await process.wait()
            if status == NO_USE and not part.again:
                raise OperatorError("The server could not be started.")
            if time.monotonic() - since > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            log.error("%s (process %d) %s; it is started anew in %.1f s", part.name, process.pid, how, backoff)
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LAST_BACKOFF_SECONDS)
            part = msgspec.structs.replace(part, again=True)

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        self.process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "penstock.cli.part"),
            part.name,  # for whoever lists processes
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which tells them
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(part) + b"\n")
        return process

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None


async def _keep_all(all_: list[_Kept], drain_seconds: float) -> None:
    signals = signals_here()
    keeping = [asyncio.create_task(kept.keep(), name=kept.part.name) for kept in all_]
    told = asyncio.create_task(signals.get())
    try:
        await asyncio.wait({told, *keeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.wait(keeping)
        ending = asyncio.create_task(_end(all_, drain_seconds))
        while not ending.done():
            told = asyncio.create_task(signals.get())
            await asyncio.wait({told, ending}, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                _tell(all_)
        told.cancel()
    for task in keeping:
        if not task.cancelled():
            task.result()


def _tell(all_: list[_Kept]) -> None:
    for kept in all_:
        if kept.runs:
            assert kept.process is not None
            kept.process.terminate()


async def _end(all_: list[_Kept], drain_seconds: float) -> None:
    """Let all processes drain, each by itself; the owner is the last to end."""
    _tell(all_)
    waits = [asyncio.create_task(kept.process.wait()) for kept in all_ if kept.process is not None]
    if not waits:
        return
    _, late = await asyncio.wait(waits, timeout=drain_seconds + _GRACE_SECONDS)
    if late:
        for kept in all_:
            if kept.runs:
                assert kept.process is not None
                log.error("%s did not end and is killed", kept.part.name)
                kept.process.kill()
        await asyncio.wait(late)
