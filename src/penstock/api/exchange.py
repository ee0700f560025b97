"""One request and its answer on the hot plane: a raw ASGI exchange with our headers, caps and ways of ending."""

import asyncio
import time
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Any

from penstock.api.request_ids import request_ids
from penstock.errors import ApiError
from penstock.inference.unfinished import Unfinished
from penstock.protocol.errors import ErrorForm, OpenAIErrors
from penstock.tenants.limits import Limiter, Standing, header_lines_of
from penstock.web.asgi import LINE, ClientGone, Headers, Line, Receive, Scope, Send, header_lines
from penstock.web.body import check_json, too_large, whole_body

JSON: Headers = [(b"content-type", b"application/json")]
_JSON_LINES = header_lines(JSON)


class Exchange:
    """A request, and the answer to it. Either `answer` once, or `open_stream`, `write` and `finish`."""

    __slots__ = (
        *("_interrupt", "_line", "_receive", "_send", "_started", "errors", "finished", "headers", "limiter", "method"),
        *("path", "put_backs", "request_id", "scope", "standing", "status", "unfinished"),
    )

    batch = False
    batch_id = None

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: str | None = None,
        errors: ErrorForm | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Headers = scope["headers"]
        self.request_id = request_id or next(request_ids())
        scope["request_id"] = self.request_id  # for the cold plane, which has no exchange
        self.errors: ErrorForm = errors or OpenAIErrors()
        self.status: int | None = None
        self.finished = False
        self.limiter = limiter
        self.standing: Callable[[], Standing] | None = None
        self.put_backs = 0
        self.unfinished: Unfinished | None = None
        self._line: Line = scope[LINE]
        self._receive = receive
        self._send = send
        self._started = time.monotonic()
        self._interrupt: Exception | None = None

    def header(self, name: bytes) -> list[bytes]:
        """Every value of one request header; `name` in lower case."""
        return [value for key, value in self.headers if key == name]

    async def json_body(self, *, cap: int) -> bytes:
        """The whole body, at most `cap` bytes, refused before it is read where its length is announced."""
        check_json(self.headers, cap=cap)
        body = self._line.whole_body()
        if body is None:
            return await whole_body(self._receive, cap=cap)
        if len(body) > cap:
            raise too_large(cap)
        return body

    def interruptible(self) -> "Interruptible":
        """A block that `interrupt` breaks off: it is left by the error that was given there."""
        return Interruptible(self)

    def instead(self, error: BaseException | None) -> Exception | None:
        """What is to be raised in place of `error`; None: `error` itself."""
        if self._interrupt is None or self._line.task is None or not isinstance(error, asyncio.CancelledError):
            return None
        self._line.task.uncancel()
        return self._interrupt

    def while_connected(self) -> "WhileConnected":
        """A block that is interrupted, with ClientGone, when the client leaves."""
        return WhileConnected(self, self._line)

    def interrupt(self, error: Exception) -> None:
        """Break off what the exchange is doing with `error`; the first reason given holds."""
        if self._interrupt is None and self._line.task is not None and not self.finished:
            self._interrupt = error
            self._line.task.cancel()

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

    def _common_lines(self) -> bytes:
        """The headers that are on every answer."""
        request_id = self.request_id.encode()
        ids = b"".join([b"%b: %b\r\n" % (name, request_id) for name in self.errors.id_headers])
        return b"%bopenai-processing-ms: %d\r\n%b" % (ids, self.spent_ms, self._limit_lines())

    def _limit_lines(self) -> bytes:
        """What is left of the limits: of those for the request's model, once that is known."""
        if self.standing is not None:
            return header_lines_of(self.standing())
        caller = self.scope.get("caller")
        if caller is None or self.limiter is None or not self.path.startswith("/v1/"):
            return b""
        return header_lines_of(self.limiter.standing(caller))

    def start(self, status: int, headers: Headers) -> None:
        """Begin the answer, with the headers that are on every one; the head goes out with the first of its body."""
        lines = header_lines(headers) + self._common_lines()
        self.status = status
        self._line.begin(status, lines)

    def write_now(self, data: bytes) -> bool:
        """Send a part of the body, unless that means to wait: then False, and `write` has to be asked."""
        return self._line.write(data)

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client reads slower than we write."""
        if not self._line.write(data):
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body and end the answer cleanly."""
        if not self._line.end(data):
            await self._send({"type": "http.response.body", "body": data})
        self.finished = True

    async def answer(self, status: int, body: bytes, headers: Headers = JSON) -> None:
        """Send a whole answer."""
        lines = (_JSON_LINES if headers is JSON else header_lines(headers)) + self._common_lines()
        self.status = status
        if self._line.answer(status, lines, body):
            self.finished = True
        else:
            self._line.begin(status, lines, length=len(body))
            await self.finish(body)

    async def refuse(self, error: ApiError) -> None:
        """Send an error as the whole answer, which nobody on its way may keep."""
        body = self.errors.body(error, request_id=self.request_id)
        await self.answer(error.status, body, [*JSON, (b"cache-control", b"no-store"), *error.headers()])

    async def pass_on(self, message: MutableMapping[str, Any]) -> None:
        """Send a message of another ASGI application, which answers this request in our stead."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._line.add(self._common_lines())
            await self._send(message)
        else:
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
