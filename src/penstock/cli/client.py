"""The client side of the wire: what commands ask of a server, on the standard library's HTTP client."""

import http.client
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from penstock.errors import OperatorError
from penstock.protocol.sse import EventSplitter

T = TypeVar("T")
Message = dict[str, str]

# A stream is never silent for longer than the server's ping, 10 s unless the operator chose otherwise.
_STREAM_SILENCE_SECONDS = 120.0
_WHOLE_ANSWER_SECONDS = 3600.0
_PROMPT_ANSWER_SECONDS = 60.0
_PART_BYTES = 1 << 16

_THE_KEY = "Give a key in PENSTOCK_API_KEY or with --api-key; `penstock keys create NAME` makes one."
_NEXT_STEP = {
    "missing_api_key": _THE_KEY,
    "invalid_api_key": _THE_KEY,
    "server_is_overloaded": "Try again in a moment.",
    "model_unavailable": "The terminal of `penstock serve` says why; the engine's log is in the data folder, in logs.",
    "engine_error": "Try again: an engine that died is started anew. Its log is in the data folder, in logs.",
}


class ServerSaid(OperatorError):
    """The server answered with an error. `status` is 0 where the error came in the middle of a stream."""

    def __init__(self, message: str, *, status: int, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(" ".join(filter(None, [message, _NEXT_STEP.get(code)])))
        self.reason = message
        self.status = status
        self.code = code
        self.retry_after = retry_after


class NoServer(OperatorError):
    """Nothing listens there, or what does speaks no HTTP."""

    def __init__(self, url: str) -> None:
        super().__init__(f"No server answers at {url}. Start one with: penstock serve")


class BrokenOff(OperatorError):
    """The connection ended before the answer did."""

    def __init__(self) -> None:
        super().__init__("The server broke off in the middle of its answer. Is it still running? Try again.")


class Said(NamedTuple):
    """A piece of an answer; `thought` is text that a reasoning model says to itself."""

    text: str
    thought: bool = False


@dataclass(frozen=True)
class Usage:
    """The engine's counts of tokens."""

    prompt: int
    completion: int


class Answer:
    """A streamed answer: iterate over what is said, then read the figures. Leaving its block tells the server to stop.

    `ttft_seconds` counts from the request to the first text; `usage` is None until the stream is complete.
    Iterating raises ServerSaid for an error in the stream, BrokenOff for an end that is none.
    """

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, sent: float) -> None:
        self._connection = connection
        self._response = response
        self._sent = sent
        self._first: float | None = None
        self._last = sent
        self.pieces = 0
        self.usage: Usage | None = None
        self.finish_reason: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()
        self._connection.close()

    @property
    def ttft_seconds(self) -> float | None:
        return None if self._first is None else self._first - self._sent

    @property
    def writing_seconds(self) -> float:
        """From the first piece of text to the last."""
        return 0.0 if self._first is None else self._last - self._first

    def __iter__(self) -> Iterator[Said]:
        for event in self._events():
            if event == b"[DONE]":
                return
            chunk = _object(event)
            if "error" in chunk:
                raise _error(chunk, status=0)
            yield from self._take(chunk)
        raise BrokenOff

    def _events(self) -> Iterator[bytes]:
        splitter = EventSplitter()
        while True:
            try:
                received = self._response.read1(65536)
            except (OSError, http.client.HTTPException) as error:
                raise BrokenOff from error
            if not received:
                return
            yield from splitter.feed(received)

    def _take(self, chunk: dict[str, Any]) -> Iterator[Said]:
        if usage := chunk.get("usage"):
            self.usage = Usage(usage["prompt_tokens"], usage["completion_tokens"])
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            delta = choice.get("delta") or {}
            thought, text = delta.get("reasoning_content"), delta.get("content")
            if thought or text:
                self._last = time.monotonic()
                self._first = self._first or self._last
                self.pieces += 1
            if thought:
                yield Said(thought, thought=True)
            if text:
                yield Said(text)


class Download:
    """A body on its way: iterate over its parts. Raises BrokenOff where it ends before it is whole."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.size = response.length
        """Bytes; None where the server does not tell."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()
        self._connection.close()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            try:
                part = self._response.read1(_PART_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise BrokenOff from error
            if not part:
                break
            yield part
        if self._response.length:  # what is still to come; the standard library takes the early end for an end
            raise BrokenOff


class Client:
    """One server, by its URL (with or without `/v1`) and an API key.

    Every method raises NoServer where none answers and ServerSaid for an error that it answers.
    """

    def __init__(self, url: str, api_key: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self._port = _port(parts, url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _no_address(url)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"
        self._secure = parts.scheme == "https"
        self.host = parts.hostname
        self._path = urlsplit(self.url).path
        self.api_key = api_key

    def knock(self) -> None:
        """Ask only whether a server is there, which needs no key."""
        connection, response = self._send("GET", "/health", None, timeout_seconds=_STREAM_SILENCE_SECONDS)
        self._whole(connection, response)

    def models(self) -> dict[str, str]:
        """Name -> kind (`chat`, `embedding`) of the models that this key may use, the server's first one first."""
        connection, response = self._send("GET", "/v1/models", None, timeout_seconds=_STREAM_SILENCE_SECONDS)
        models = self._whole(connection, response).get("data")
        if not isinstance(models, list) or not all(isinstance(model, dict) and "id" in model for model in models):
            raise _no_api()
        return {model["id"]: model.get("penstock", {}).get("kind", "chat") for model in models}

    def get(self, path: str) -> dict[str, Any]:
        """The object at a path, such as `/v1/batches`."""
        return self._whole(*self._send("GET", path, None, timeout_seconds=_PROMPT_ANSWER_SECONDS))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the server says to `body`."""
        return self._whole(*self._send("POST", path, body, timeout_seconds=_PROMPT_ANSWER_SECONDS))

    def delete(self, path: str) -> dict[str, Any]:
        """What the server says to the end of the object at a path."""
        return self._whole(*self._send("DELETE", path, None, timeout_seconds=_PROMPT_ANSWER_SECONDS))

    def upload(self, path: str, parts: Iterable[bytes], *, size: int, media_type: str) -> dict[str, Any]:
        """What the server says to a body of `size` bytes, which is sent part by part."""
        headers = {"Content-Type": media_type, "Content-Length": str(size)}
        sent = self._send("POST", path, parts, timeout_seconds=_STREAM_SILENCE_SECONDS, headers=headers)
        return self._whole(*sent)

    def download(self, path: str) -> Download:
        """The body at a path, as it comes. Use it as a context manager."""
        return Download(*self._send("GET", path, None, timeout_seconds=_STREAM_SILENCE_SECONDS))

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """A whole chat completion, as the server gives it."""
        connection, response = self._send(
            "POST", "/v1/chat/completions", request, timeout_seconds=_WHOLE_ANSWER_SECONDS
        )
        return self._whole(connection, response)

    def stream(self, request: dict[str, Any]) -> Answer:
        """A streamed chat completion, as soon as its status is known. Use it as a context manager."""
        request = {**request, "stream": True, "stream_options": {"include_usage": True}}
        sent = time.monotonic()
        connection, response = self._send(
            "POST", "/v1/chat/completions", request, timeout_seconds=_STREAM_SILENCE_SECONDS
        )
        return Answer(connection, response, sent)

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | Iterable[bytes] | None,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self.host, self._port, timeout=timeout_seconds)
        given = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json", **(headers or {})}
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        with ExitStack() as undo:
            undo.callback(connection.close)
            try:
                response = _answer_to(connection, method, self._path + path, data, given)
            except (OSError, http.client.HTTPException) as error:
                raise NoServer(self.url) from error
            undo.pop_all()
        if response.status != 200:
            retry_after = response.getheader("retry-after")
            said = self._whole(connection, response)
            raise _error(said, status=response.status, retry_after=retry_after)
        return connection, response

    def _whole(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> dict[str, Any]:
        try:
            return _object(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOff from error
        finally:
            connection.close()


def _answer_to(
    connection: http.client.HTTPConnection, method: str, path: str, data: Any, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """What a server says, also one that has enough of a long body: it answers and reads no more of it."""
    try:
        connection.request(method, path, data, headers)
    except (BrokenPipeError, ConnectionResetError):
        if connection.sock is None:
            raise
    return connection.getresponse()


def when_loaded(ask: Callable[[], T], *, told: Callable[[str], None]) -> T:
    """Ask, and while the model still loads ask again when the server said to. `told` gets each new message once."""
    message = ""
    while True:
        try:
            return ask()
        except ServerSaid as said:
            if said.code != "model_loading":
                raise
            if said.reason != message:
                message = said.reason
                told(message)
            time.sleep(said.retry_after or 1.0)


def _port(parts: SplitResult, url: str) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise _no_address(url) from error


def _no_address(url: str) -> OperatorError:
    return OperatorError(f"{url!r} is no address of a server; one looks like http://127.0.0.1:8484.")


def _object(data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise _no_api()
    return parsed


def _no_api() -> ServerSaid:
    return ServerSaid("What answers there is no Penstock server, nor another that speaks the OpenAI API.", status=0)


def _error(body: dict[str, Any], *, status: int, retry_after: str | None = None) -> ServerSaid:
    """The envelope as an exception, whatever stands in it."""
    error = body.get("error")
    if not isinstance(error, dict):
        error = {"message": str(error or f"The server answered with status {status}.")}
    return ServerSaid(
        str(error.get("message")), status=status, code=str(error.get("code") or ""), retry_after=_seconds(retry_after)
    )


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(seconds, 120.0) if math.isfinite(seconds) and seconds > 0 else None
