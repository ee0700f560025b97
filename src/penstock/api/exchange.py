"""One request and its answer on the hot plane: a raw ASGI exchange with our headers, caps and ways of ending."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any

from penstock.errors import ApiError
from penstock.inference.unfinished import Unfinished
from penstock.protocol.errors import ErrorForm, OpenAIErrors
from penstock.tenants.limits import Limiter, Standing, headers_of
from penstock.web.asgi import LINE, ClientGone, Headers, Line, Receive, Scope, Send
from penstock.web.body import json_body

JSON: Headers = [(b"content-type", b"application/json")]


def new_request_id() -> str:
    """An id that nobody can guess, and that begins with the time in milliseconds: it is the key of the ledger's rows,
    and what a group of rows has side by side in an index costs half of what lies all over it."""
    return f"req_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


class Exchange:
    """A request, and the answer to it. Either `answer` once, or `open_stream`, `write` and `finish`."""

    batch = False
    batch_id = None
    put_backs = 0
    unfinished: Unfinished | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Headers = scope["headers"]
        self.request_id = new_request_id()
        scope["request_id"] = self.request_id  # for the cold plane, which has no exchange
        self.errors: ErrorForm = OpenAIErrors()
        self.status: int | None = None
        self.finished = False
        self.limiter: Limiter | None = None
        self.standing: Callable[[], Standing] | None = None
        self._receive = receive
        self._send = send
        self._started = time.monotonic()
        self._task = asyncio.current_task()
        self._interrupt: Exception | None = None

    def header(self, name: bytes) -> list[bytes]:
        """Every value of one request header; `name` in lower case."""
        return [value for key, value in self.headers if key == name]

    async def json_body(self, *, cap: int) -> bytes:
        """The whole body, at most `cap` bytes, refused before it is read where its length is announced."""
        return await json_body(self.headers, self._receive, cap=cap)

    def interruptible(self) -> "Interruptible":
        """A block that `interrupt` breaks off: it is left by the error that was given there."""
        return Interruptible(self)

    def instead(self, error: BaseException | None) -> Exception | None:
        """What is to be raised in place of `error`; None: `error` itself."""
        if self._interrupt is None or self._task is None or not isinstance(error, asyncio.CancelledError):
            return None
        self._task.uncancel()
        return self._interrupt

    def while_connected(self) -> "WhileConnected":
        """A block that is interrupted, with ClientGone, when the client leaves."""
        return WhileConnected(self, self.scope[LINE])

    def interrupt(self, error: Exception) -> None:
        """Break off what the exchange is doing with `error`; the first reason given holds."""
        if self._interrupt is None and self._task is not None and not self.finished:
            self._interrupt = error
            self._task.cancel()

    @property
    def begun(self) -> bool:
        """Whether the status has been sent."""
        return self.status is not None

    @property
    def broken_off(self) -> ApiError | None:
        """The error that interrupted the exchange; None while nothing did, and when the client left."""
        return self._interrupt if isinstance(self._interrupt, ApiError) else None

    @property
    def spent_ms(self) -> float:
        """The time since the request came."""
        return (time.monotonic() - self._started) * 1000

    def _common_headers(self) -> Headers:
        ids = [(name, self.request_id.encode()) for name in self.errors.id_headers]
        return [*ids, (b"openai-processing-ms", b"%d" % self.spent_ms), *self._limit_headers()]

    def _limit_headers(self) -> Headers:
        """What is left of the limits: of those for the request's model, once that is known."""
        caller = self.scope.get("caller")
        if self.standing is not None:
            return [*headers_of(self.standing())]
        if caller is None or self.limiter is None or not self.path.startswith("/v1/"):
            return []
        return [*headers_of(self.limiter.standing(caller))]

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the status and the head, with the headers that are on every answer."""
        self.status = status
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *self._common_headers()]}
        )

    def write_now(self, data: bytes) -> bool:
        """Send a part of the body, unless that means to wait: then False, and `write` has to be asked."""
        line: Line = self.scope[LINE]
        return line.write(data)

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client reads slower than we write."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body and end the answer cleanly."""
        await self._send({"type": "http.response.body", "body": data})
        self.finished = True

    async def answer(self, status: int, body: bytes, headers: Headers = JSON) -> None:
        """Send a whole answer."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.finish(body)

    async def refuse(self, error: ApiError) -> None:
        """Send an error as the whole answer, which nobody on its way may keep."""
        body = self.errors.body(error, request_id=self.request_id)
        await self.answer(error.status, body, [*JSON, (b"cache-control", b"no-store"), *error.headers()])

    async def pass_on(self, message: MutableMapping[str, Any]) -> None:
        """Send a message of another ASGI application, which answers this request in our stead."""
        if message["type"] == "http.response.start":
            await self.start(message["status"], message.get("headers", ()))
            return
        await self._send(message)
        self.finished = not message.get("more_body")


class Interruptible:
    """See Exchange.interruptible."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (instead := self._exchange.instead(error)) is not None:
            raise instead from None


class WhileConnected:
    """See Exchange.while_connected."""

    __slots__ = ("_exchange", "_line")

    def __init__(self, exchange: Exchange, line: Line) -> None:
        self._exchange = exchange
        self._line = line

    def __enter__(self) -> None:
        self._line.when_left(self._left)

    def _left(self) -> None:
        self._exchange.interrupt(ClientGone())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.when_left(None)
