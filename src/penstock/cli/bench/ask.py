"""One streamed request: sent, followed to its end, and every chunk's moment written down."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec

from penstock.cli.bench.outcome import Failure, Outcome
from penstock.protocol.sse import EventSplitter, EventTooLarge

_CONNECT_SECONDS = 10.0
_LONGEST_ERROR = 1 << 16


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class Asker:
    """A pool of connections to one server, kept open between requests; `made` has the moment that each was opened."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, api_key: str, fields: Mapping[str, Any], *, made: list[float]
    ) -> None:
        self._session = session
        self._made = made
        self.url = f"{url}/v1/chat/completions"
        self._headers = {
            **({"Authorization": f"Bearer {api_key}"} if api_key else {}),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # a packed stream comes in lumps
        }
        self.fields = dict(fields)
        self._decode = msgspec.json.Decoder(_Chunk).decode

    @property
    def connections(self) -> int:
        """How many were opened so far."""
        return len(self._made)

    async def ask(self, prompt: str, *, due: float, timeout_seconds: float, max_tokens: int | None = None) -> Outcome:
        """What becomes of a request that was due at that moment. A failure is an outcome, never raised."""
        outcome = Outcome(due)
        fields = {**self.fields, **({"max_tokens": max_tokens} if max_tokens and "max_tokens" in self.fields else {})}
        body = msgspec.json.encode({**fields, "messages": [{"role": "user", "content": prompt}]})
        try:
            async with asyncio.timeout(timeout_seconds):
                outcome.failure = await self._follow(body, outcome)
        except TimeoutError:
            outcome.failure = Failure("timeout", f"No whole answer within {timeout_seconds:g} s.")
        except aiohttp.ClientError as error:
            outcome.failure = _of_connection(error, begun=bool(outcome.texts))
        except (msgspec.MsgspecError, EventTooLarge) as error:
            outcome.failure = Failure("bad_stream", f"An event of the stream is no chunk of a chat: {error}.")
        outcome.ended = time.perf_counter()
        return outcome

    async def _follow(self, body: bytes, outcome: Outcome) -> Failure | None:
        async with await self._sent(body) as response:
            outcome.server = response.headers.get("server", "")
            if response.status != 200:
                return _refusal(response, await response.content.read(_LONGEST_ERROR))
            if "event-stream" not in response.headers.get("content-type", ""):
                return Failure("not_streamed", "The server answered 200, but with no stream of events.")
            splitter = EventSplitter()
            async for received in response.content.iter_any():
                now = time.perf_counter()
                for event in splitter.feed(received):
                    if event == b"[DONE]":
                        outcome.finish_reason = outcome.finish_reason or "done"
                    elif (chunk := self._decode(event)).error is not None:
                        return _in_stream(chunk.error)
                    else:
                        _take(chunk, outcome, now)
        if outcome.finish_reason is None:
            return Failure("broken_off", "The stream ended before the answer did.")
        if not outcome.texts:
            return Failure("empty_answer", "The answer has no text.")
        return None

    async def _sent(self, body: bytes) -> aiohttp.ClientResponse:
        """The head of the answer. A kept connection that the server had just closed is no failure of the server's."""
        while True:
            on = {"kept": False}
            try:
                return await self._session.post(
                    self.url, data=body, headers=self._headers, allow_redirects=False, trace_request_ctx=on
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not on["kept"]:
                    raise


@asynccontextmanager
async def asker(url: str, api_key: str, fields: Mapping[str, Any]) -> AsyncIterator[Asker]:
    """A client for the block. `fields` is the request without its messages."""
    made: list[float] = []

    async def connected(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        made.append(time.perf_counter())

    async def kept(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx["kept"] = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(kept)
    tracing.on_connection_create_end.append(connected)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=120, ttl_dns_cache=3600)
    # A cookie that one answer sets must not mark the next request.
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, trace_configs=[tracing], cookie_jar=jar
    ) as session:
        yield Asker(session, url, api_key, fields, made=made)


def _take(chunk: _Chunk, outcome: Outcome, now: float) -> None:
    if chunk.usage is not None:
        told = chunk.usage
        outcome.prompt_tokens = told.prompt_tokens
        outcome.told_tokens = told.completion_tokens
        outcome.cached_tokens = (told.prompt_tokens_details and told.prompt_tokens_details.cached_tokens) or 0
    for choice in chunk.choices or ():
        delta = choice.delta
        if delta is not None and (delta.content or delta.reasoning_content or delta.reasoning):
            outcome.texts.append(now)
        outcome.finish_reason = choice.finish_reason or outcome.finish_reason


def _of_connection(error: aiohttp.ClientError, *, begun: bool) -> Failure:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return Failure("tls_error", str(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failure("no_connection", str(error))
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | aiohttp.ClientOSError):
        return Failure("broken_off", "The server broke off in the middle of its answer." if begun else str(error))
    return Failure("no_http", str(error))


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> Failure:
    """An answer that is none: the envelope of the API, or whatever stands there instead."""
    try:
        envelope = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        envelope = None
    code, message = _told(envelope.get("error") if isinstance(envelope, dict) else None)
    retry_after = _seconds(response.headers.get("retry-after"))
    return Failure(f"{response.status} {code}".strip(), message or response.reason or "", retry_after)


def _in_stream(error: Any) -> Failure:
    code, message = _told(error)
    return Failure(f"error_event {code}".strip(), message)


def _told(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", str(error or "")
    return str(error.get("code") or error.get("type") or ""), str(error.get("message") or "")


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
