"""The HTTP client that engines are asked with.

It does one thing: a POST whose answer comes in many small parts. Such a part costs one call of the parser, and a
connection whose answer was read to its end is used again, the last one first.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

import httptools

_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 15.0
_LAST_BYTES_SECONDS = 1.0
"""How long the end of an answer may take after the last that anybody reads of it."""
_HEAD_BYTES = 64 << 10
_BUFFERED_BYTES = 256 << 10
"""What is read ahead of whoever takes it; a part more at most."""


class UpstreamBroken(Exception):
    """The connection ended before the answer did, or what came was no HTTP."""


class UpstreamAway(UpstreamBroken):
    """No connection could be made: nothing was asked."""


class Answer(asyncio.Protocol):
    """A connection to an engine, and the answer that comes on it: one at a time."""

    def __init__(self, idle: "list[Answer]") -> None:
        """`idle` is where it goes once its answer is over and another may come."""
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self.on_body = self._parts.append  # no call of ours for each of an answer's many parts
        self._parser = httptools.HttpResponseParser(self)
        self._answers = 0
        """How many have begun."""
        self._waiter: asyncio.Future[None] | None = None
        self._then: Callable[[], None] | None = None
        self.lost = False
        """The connection is gone, or as good as gone."""
        self._left = True
        """Nobody reads the answer any more."""
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        self._answers += 1
        self.status = 0
        """Of the answer; 0 before its head has come."""
        self.untouched = True
        """Nothing has come yet."""
        self._whole = False
        self._stays = False
        """Another answer may come on the same connection."""
        self._parts.clear()
        self._bytes = 0
        """What has come since somebody last took something, the framing of HTTP included."""
        self._paused = False

    def ask(self, request: bytes) -> None:
        """Send a request, head and body."""
        self._begin()
        self._left = False
        self._transport.write(request)

    async def head(self) -> int:
        """Wait for the status. Raises UpstreamBroken."""
        while not self.status:
            await self.more()
        return self.status

    def take(self) -> list[bytes]:
        """What has come of the body since the last call, cut as it came; may be nothing yet, or never any more."""
        parts = self._parts.copy()
        self._parts.clear()
        self._bytes = 0
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return parts

    @property
    def whole(self) -> bool:
        """Whether the answer has come to its end."""
        return self._whole

    @property
    def held_back(self) -> bool:
        """Whether the engine has to wait with the rest, because too much is not taken yet."""
        return self._paused

    @property
    def unread_bytes(self) -> int:
        return self._bytes

    def each(self, then: Callable[[], None] | None) -> None:
        """Call `then` whenever something has come, or nothing will any more; None: no more of that."""
        self._then = then

    def more(self) -> asyncio.Future[None]:
        """What is done when something has come, or nothing will. Raises UpstreamBroken; for one at a time to await."""
        if self.lost:
            raise UpstreamBroken
        self._waiter = waiter = self._loop.create_future()
        return waiter

    async def body(self, *, most: int) -> bytes:
        """The rest of the body. Raises UpstreamBroken, also where it is longer than `most` bytes."""
        parts: list[bytes] = []
        size = 0
        while True:
            came = self.take()
            size += sum(map(len, came))
            if size > most:
                raise UpstreamBroken
            parts += came
            if self._whole:
                return b"".join(parts)
            await self.more()

    def leave(self) -> None:
        """Read no more. What is whole leaves its connection for another; what is not ends, which stops the engine."""
        self._left = True
        self.take()
        if self._whole:
            self._rest()
        elif not self.lost:
            self._transport.abort()

    def leave_soon(self) -> None:
        """The same where all that matters was read: the last bytes of the answer may come yet."""
        if self._whole or self.lost:
            self.leave()
            return
        self._left = True
        self.take()
        self._loop.call_later(_LAST_BYTES_SECONDS, self._end_late, self._answers)

    def _end_late(self, answer: int) -> None:
        if not self._whole and self._answers == answer:
            self._transport.abort()

    def close(self) -> None:
        """End the connection."""
        self._left = True
        if not self.lost:
            self._transport.abort()

    def _rest(self) -> None:
        if self.lost or not self._stays:
            self.close()
            return
        self.idle_since = now = self._loop.time()
        idle = self._idle
        while idle and now - idle[0].idle_since > _IDLE_SECONDS:
            idle.pop(0).close()
        idle.append(self)

    def _wake(self) -> None:
        if self._then is not None:
            self._then()
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # it may have been cancelled
                waiter.set_result(None)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left and (self._whole or self.untouched):
            self._transport.abort()  # nobody asked
            return
        self.untouched = False
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:  # that of an upgrade is one of these
            self.lost = True
            self._transport.abort()
        if self._left:
            self._parts.clear()
        elif not self.status and self._bytes > _HEAD_BYTES:
            self._transport.abort()
        elif self._bytes > _BUFFERED_BYTES and not self._whole and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self in self._idle:
            self._idle.remove(self)
        self._wake()

    # httptools

    def on_message_begin(self) -> None:
        if self._whole:  # a second answer to one question; the parser goes no further, and that is an error of its own
            raise UpstreamBroken

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._bytes = 0

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.status = 0  # an interim answer: the true one comes after it
            return
        self._whole = True
        self._stays = self._parser.should_keep_alive()  # told in this moment alone
        if self._left:
            self._rest()


class Upstream:
    """Connections to all engines."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, list[Answer]] = defaultdict(list)

    async def post(self, url: str, path: str, body: bytes, *, api_key: str) -> Answer:
        """Ask, and wait for the head of the answer. Raises UpstreamBroken, and UpstreamAway.

        A connection that was used before may have been closed over there without a word: where it ends before the
        first byte of the answer, the request was never read, and is sent once more, on a fresh one. Where that cannot
        be made the engine has ended over the request, as far as anybody can tell.
        """
        request = b"%b%d\r\n\r\n%b" % (_head(url, path, api_key), len(body), body)
        idle = self._idle[url]
        if idle:
            answer = idle.pop()
            try:
                return await self._ask(answer, request)
            except UpstreamBroken:
                if not answer.untouched:
                    raise
            try:
                answer = await self._connect(url, idle)
            except UpstreamAway as error:
                raise UpstreamBroken from error
        else:
            answer = await self._connect(url, idle)
        return await self._ask(answer, request)

    @staticmethod
    async def _ask(answer: Answer, request: bytes) -> Answer:
        answer.ask(request)
        answered = False
        try:
            await answer.head()
            answered = True
        finally:
            if not answered:  # also where who asked leaves in the very moment in which the head comes
                answer.close()
        return answer

    @staticmethod
    async def _connect(url: str, idle: list[Answer]) -> Answer:
        to = urlsplit(url)
        assert to.hostname
        assert to.port
        host, port = to.hostname, to.port
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                _, answer = await loop.create_connection(lambda: Answer(idle), host, port)
        except (OSError, TimeoutError) as error:
            raise UpstreamAway from error
        return answer

    async def close(self) -> None:
        """End what is idle."""
        for idle in self._idle.values():
            for answer in tuple(idle):
                answer.close()
            idle.clear()


@lru_cache(maxsize=256)
def _head(url: str, path: str, api_key: str) -> bytes:
    """The head of a request, as far as the length of its body."""
    return b"POST %b HTTP/1.1\r\nhost: %b\r\nauthorization: Bearer %b\r\n%b" % (
        path.encode(),
        url.partition("//")[2].encode(),
        api_key.encode(),
        b"content-type: application/json\r\ncontent-length: ",
    )
