"""The server end of a socket: takes connections in, looks after their times, and lets them end."""

import asyncio
import socket
import sys
import time
from email.utils import formatdate

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.connection import Application, Connection, Hub
from penstock.api.transport.freed_memory import keep_freed_memory

_BACKLOG = 2048
_SECONDS_TO_END = 1.0
_NOT_SENT_LOW_WATER = getattr(socket, "TCP_NOTSENT_LOWAT", 25 if sys.platform == "linux" else None)
"""Python has it from 3.12 on; 25 is its number in Linux's <netinet/tcp.h>."""


class HttpListener:
    """Serves an ASGI application over HTTP/1.1 on one socket; `connections` has those that are open."""

    def __init__(self, app: Application, bounds: Bounds, *, connections: set[Connection] | None = None) -> None:
        self._hub = Hub(app, bounds, connections=set() if connections is None else connections)

    async def start(self, listening: socket.socket) -> None:
        """Take connections from now on."""
        if _NOT_SENT_LOW_WATER is not None:  # connections inherit it
            listening.setsockopt(socket.IPPROTO_TCP, _NOT_SENT_LOW_WATER, self._hub.bounds.unsent_bytes)
        keep_freed_memory()
        loop = asyncio.get_running_loop()
        self._tell_time()
        self._server = await loop.create_server(lambda: Connection(self._hub), sock=listening, backlog=_BACKLOG)
        self._sweeping = loop.create_task(self._sweep(), name="sweep of connections")

    async def _sweep(self) -> None:
        # One look at all connections a second costs less than timers of their own, which every request would reset.
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._hub.bounds.sweep_seconds)
            self._tell_time()
            self._hub.heads.forget()
            now = loop.time()
            for connection in tuple(self._hub.connections):
                loop.call_soon(connection.sweep, now)  # so that one that fails spoils none of the others

    def _tell_time(self) -> None:
        self._hub.date = b"date: %b\r\n" % formatdate(time.time(), usegmt=True).encode()

    async def close(self) -> None:
        """Take no connection any more; those that are open have a moment to finish their answers."""
        self._server.close()
        for connection in tuple(self._hub.connections):
            connection.finish()
        if self._hub.tasks:
            await asyncio.wait(self._hub.tasks, timeout=_SECONDS_TO_END)
        for connection in tuple(self._hub.connections):
            connection.abort()
        if self._hub.tasks:
            await asyncio.wait(self._hub.tasks)
        self._sweeping.cancel()
