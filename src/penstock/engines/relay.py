"""The relay: one HTTP request to an engine, its events read back, whatever way the engine ends.

Foreign errors become ours here and nowhere else.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec

from penstock.engines.chunk import Choice, ChunkReader, EngineUsage, count, joined
from penstock.engines.engine import PREFILL_ALLOWANCE, Counts, Endpoint, Piece
from penstock.engines.upstream import Answer, Upstream, UpstreamAway, UpstreamBroken
from penstock.errors import ApiError, ContextLengthExceeded, EngineError, ModelLoading, ServerOverloaded
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest, Prompt
from penstock.protocol.sampling import SamplingRequest
from penstock.protocol.sse import EventTooLarge

log = logging.getLogger(__name__)

T = TypeVar("T")

_ANEW_SECONDS = 1
_COUNT_SECONDS = 15.0
_LOOK = 0.05
"""How often answers are looked at, in parts of the time that one may stand still."""
_MOST_BYTES = 256 << 20
"""Of an answer that is read as a whole: the vectors of the longest request are far fewer."""
_REFUSAL_BYTES = 16 << 10


class EngineStream:
    """The answer of an engine as it comes. Read it until None; `counts` are right at any moment."""

    __slots__ = (
        *("_answer", "_chunks", "_choices", "_joins", "_open", "_pulse", "_stall_seconds", "_stalled", "_streams"),
        *("_waiting_since", "counts"),
    )

    def __init__(self, endpoint: Endpoint, answer: Answer, request: SamplingRequest, streams: "Streams") -> None:
        self.counts = Counts(choices_per_prompt=request.n or 1)
        self._choices = request.choices
        self._joins = not request.stream
        """Whether texts that came together are one piece: nobody counts them in an answer that goes out as a whole."""
        self._pulse = endpoint.pulse
        self._answer = answer
        self._chunks = ChunkReader()
        self._open = set(range(request.choices))
        """Choices that the engine has not finished."""
        self._waiting_since: float | None = None
        self._stalled = False
        self._streams = streams
        self._stall_seconds = streams.stall_seconds
        streams.add(self)

    def close(self) -> None:
        """Let go of the answer; one that is not complete ends its connection, which is what tells an engine that nobody
        listens."""
        self._streams.discard(self)
        if self._chunks.done or not self._open:
            self._answer.leave_soon()
        else:
            self._answer.close()

    def check_stall(self, now: float) -> None:
        """Give the answer up where it has let us wait too long. That the engine as a whole lives is watched elsewhere;
        this is for one stream that it forgot."""
        if self._waiting_since is None or now - self._waiting_since < self._allowance:
            return
        self._stalled = True
        # Nine tenths, because the loop's clock and the pulse's differ by a millisecond or two.
        if self._pulse.quiet_seconds() >= 0.9 * self._stall_seconds:
            self._pulse.hung = True  # nobody else got anything either: it is the engine, not this one stream
        self._answer.close()

    @property
    def _allowance(self) -> float:
        """Seconds that one read may take: a prompt may wait behind other prompts, a token may not."""
        return self._stall_seconds * (1 if self.counts.completion else PREFILL_ALLOWANCE)

    @property
    def done(self) -> bool:
        """Whether the engine has said `[DONE]`, and all before it was read."""
        return self._chunks.done

    async def read(self) -> list[Piece] | None:
        """The pieces of the next bytes that come; None after the engine's `[DONE]`. May be empty: progress, no text.

        Raises EngineError when the engine breaks off, also by a clean end without `[DONE]`.
        """
        if self._chunks.done:
            return None
        parts = self._answer.take()
        if not parts:
            if self._answer.whole:
                raise _ended_early()
            await self._more()
            parts = self._answer.take()
        return self._pieces(parts)

    async def _more(self) -> None:
        """Wait until something comes. Raises EngineError."""
        pulse = self._pulse
        pulse.wait()
        self._waiting_since = self._streams.now()
        try:
            await self._answer.more()
        except UpstreamBroken as error:
            raise EngineError(self._what_broke()) from error
        finally:
            pulse.done()
            self._waiting_since = None
        pulse.beat()

    async def flow(self, take: Callable[[list[Piece]], bool]) -> None:
        """Give pieces to `take` in the very moment in which they come, without a turn of this task for each, until it
        answers False or the engine has said `[DONE]`. Raises what `read` does, and what `take` does."""
        pulse, answer, loop = self._pulse, self._answer, asyncio.get_running_loop()
        over: asyncio.Future[ApiError | None] = loop.create_future()

        def came() -> None:
            self._waiting_since = loop.time()
            goes_on, failed = False, None
            try:
                goes_on = self._pass_on(take)
            except ApiError as error:
                failed = error
            finally:  # a mistake in `take` goes to the loop, which logs it and ends the connection; nobody waits on
                if not goes_on:
                    answer.each(None)
                    if not over.done():  # its task may have been cancelled a moment ago
                        over.set_result(failed)

        pulse.wait()
        try:
            answer.each(came)
            came()
            if failed := await over:
                raise failed
        finally:
            answer.each(None)
            pulse.done()
            self._waiting_since = None

    def _pass_on(self, take: Callable[[list[Piece]], bool]) -> bool:
        """Give what has come to `take`; whether more is to come and may. Raises EngineError, and what `take` does."""
        if parts := self._answer.take():
            self._pulse.beat()
            if (pieces := self._pieces(parts)) and not take(pieces):
                return False
        if self._chunks.done:
            return False
        if self._answer.whole:
            raise _ended_early()
        if self._answer.lost:
            raise EngineError(self._what_broke())
        return True

    def _what_broke(self) -> str:
        if self._stalled:
            return f"The engine gave nothing for {self._allowance:.0f} s."
        return "The engine broke off in the middle of its answer."

    def _pieces(self, parts: list[bytes]) -> list[Piece]:
        try:
            chunks = self._chunks.feed(parts[0] if len(parts) == 1 else b"".join(parts))
        except (msgspec.MsgspecError, UnicodeDecodeError, EventTooLarge) as error:
            raise EngineError("The engine sent something that is not a completion chunk.") from error
        came: list[Choice] = []
        for chunk in chunks:
            if chunk.error is not None:
                log.warning("an engine reported an error inside a stream")  # its text may quote the prompt
                raise EngineError("The engine reported an error in the middle of its answer.")
            for choice in chunk.choices:
                if choice.index in self._open:
                    came.append(choice)
                    if choice.finish_reason:
                        self._open.discard(choice.index)
                elif not 0 <= choice.index < self._choices:  # nor does it count
                    chunk.choices = [each for each in chunk.choices if each is not choice]
        count(chunks, self.counts)
        return joined(came) if self._joins else [choice.piece() for choice in came]


def _ended_early() -> EngineError:
    return EngineError("The engine ended its answer before it was complete.")


class Streams:
    """All answers under way, looked at together from time to time: a timer for each would cost more than its reads."""

    def __init__(self, *, stall_seconds: float) -> None:
        self.stall_seconds = stall_seconds
        self._open: set[EngineStream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The loop's clock."""
        assert self._loop is not None, "add one first"
        return self._loop.time()

    def add(self, stream: EngineStream) -> None:
        self._open.add(stream)
        if self._look is None:
            self._loop = asyncio.get_running_loop()
            self._look = self._loop.call_later(self.stall_seconds * _LOOK, self._look_at_all)

    def discard(self, stream: EngineStream) -> None:
        self._open.discard(stream)

    def _look_at_all(self) -> None:
        now = self.now()
        for stream in tuple(self._open):
            stream.check_stall(now)
        self._look = None
        if self._open:
            self._look = asyncio.get_running_loop().call_later(self.stall_seconds * _LOOK, self._look_at_all)

    def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()


class Relay:
    """Talks to engines over one pool of connections."""

    def __init__(self, *, stall_seconds: float) -> None:
        self._streams = Streams(stall_seconds=stall_seconds)
        self._upstream = Upstream()

    async def close(self) -> None:
        self._streams.close()
        await self._upstream.close()

    async def chat(self, request: ChatRequest, endpoint: Endpoint, *, grammar: str | None = None) -> EngineStream:
        """The engine's answer, held to `grammar` if there is one. Whoever gets it closes it, at whatever point: that
        makes the engine stop its work.

        Raises EngineError, ContextLengthExceeded or ModelLoading.
        """
        body = endpoint.engine.chat_body(request, served_name=endpoint.served_name, grammar=grammar)
        return await self._open(request, endpoint, "/v1/chat/completions", body)

    async def complete(self, request: CompletionRequest, endpoint: Endpoint) -> EngineStream:
        """The same for raw prompts, all in one stream: choice `index` answers prompt `index // n`."""
        body = endpoint.engine.completion_body(request, served_name=endpoint.served_name)
        return await self._open(request, endpoint, "/v1/completions", body)

    async def _open(self, request: SamplingRequest, endpoint: Endpoint, path: str, body: bytes) -> EngineStream:
        endpoint.pulse.wait()
        try:
            answer = await self._post(endpoint, path, body)
            endpoint.pulse.beat()
        finally:
            endpoint.pulse.done()
        return EngineStream(endpoint, answer, request, self._streams)

    async def embed(self, inputs: list[Prompt], endpoint: Endpoint) -> tuple[list[bytes], int]:
        """A vector for each input, in little-endian float32, and the tokens of all inputs together.

        Cancelling it makes the engine stop its work. Raises EngineError, ContextLengthExceeded or ModelLoading.
        """
        body = msgspec.json.encode({"model": endpoint.served_name, "input": inputs, "encoding_format": "base64"})
        endpoint.pulse.wait()
        try:
            answer = await self._ask(endpoint, "/v1/embeddings", body, _Embeddings)
            endpoint.pulse.beat()
        except msgspec.MsgspecError as error:
            raise EngineError("The engine sent something that is no list of embeddings.") from error
        finally:
            endpoint.pulse.done()
        vectors = {vector.index: vector.embedding for vector in answer.data}
        if vectors.keys() != set(range(len(inputs))) or any(len(vector) % 4 for vector in vectors.values()):
            raise EngineError("The engine did not give a vector for each input.")
        return [vectors[index] for index in range(len(inputs))], answer.usage.prompt_tokens

    async def count_prompt(self, request: ChatRequest, endpoint: Endpoint) -> int:
        """The tokens of a conversation as the engine's own template and tokenizer make them.

        Raises EngineError, or ServerOverloaded when it takes too long.
        """
        body = endpoint.engine.chat_body(request, served_name=endpoint.served_name)
        return (await self._count(endpoint, "/v1/chat/completions/input_tokens", body, _InputTokens)).input_tokens

    async def count_text(self, text: str, endpoint: Endpoint) -> int:
        """The tokens of a raw prompt, those that the tokenizer puts around it included. Raises as count_prompt does."""
        body = msgspec.json.encode({"content": text, "add_special": True})
        return len((await self._count(endpoint, "/tokenize", body, _Tokenized)).tokens)

    async def _count(self, endpoint: Endpoint, path: str, body: bytes, answer: type[T]) -> T:
        """Ask for a count, one at a time. Slow counting is no sign of a dead engine."""
        try:
            async with asyncio.timeout(_COUNT_SECONDS), endpoint.counting:
                return await self._ask(endpoint, path, body, answer)
        except TimeoutError as error:
            message = "The server is busy counting other long prompts."
            raise ServerOverloaded(message, retry_after=int(_COUNT_SECONDS)) from error
        except msgspec.MsgspecError as error:
            raise EngineError("The engine did not count the prompt's tokens.") from error

    async def _ask(self, endpoint: Endpoint, path: str, body: bytes, form: type[T]) -> T:
        """An answer that is no stream. Raises EngineError, or msgspec.MsgspecError where it is no `form`."""
        answer = await self._post(endpoint, path, body)
        try:
            return msgspec.json.decode(await answer.body(most=_MOST_BYTES), type=form)
        except UpstreamBroken as error:
            raise EngineError("The engine broke off in the middle of its answer.") from error
        finally:
            answer.leave()

    async def _post(self, endpoint: Endpoint, path: str, body: bytes) -> Answer:
        """The answer, of which nothing but the status has been read. Raises EngineError, or what a refusal means."""
        try:
            answer = await self._upstream.post(endpoint.url, path, body, api_key=endpoint.api_key)
        except UpstreamAway as error:
            # It has just ended, and whoever watches it starts it anew. Nothing was asked, so nothing asked is at fault.
            raise ModelLoading("The model's engine is being started anew.", retry_after=_ANEW_SECONDS) from error
        except UpstreamBroken as error:
            raise EngineError("The engine broke off before it answered.") from error
        if answer.status != 200:
            raise await _refusal(answer)
        return answer


class _Vector(msgspec.Struct):
    index: int
    embedding: bytes
    """In base64 on the wire."""


class _Embeddings(msgspec.Struct):
    data: list[_Vector]
    usage: EngineUsage


class _InputTokens(msgspec.Struct):
    input_tokens: int


class _Tokenized(msgspec.Struct):
    tokens: list[int]


class _RefusalDetails(msgspec.Struct):
    message: str = ""
    type: str = ""
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class _Refusal(msgspec.Struct):
    error: _RefusalDetails


async def _refusal(answer: Answer) -> ApiError:
    """What an engine's answer other than 200 means to our client."""
    try:
        details = msgspec.json.decode(await answer.body(most=_REFUSAL_BYTES), type=_Refusal).error
    except (UpstreamBroken, msgspec.MsgspecError, UnicodeDecodeError):
        details = _RefusalDetails()
    finally:
        answer.leave()
    if details.type == "exceed_context_size_error":
        return ContextLengthExceeded(details.n_ctx, prompt=details.n_prompt_tokens, param="messages")
    if answer.status == 503:
        return ModelLoading("The model is still loading.", retry_after=2)
    log.warning("engine answered %d: %s", answer.status, details.type)
    return EngineError(f"The engine refused the request with status {answer.status}.")
