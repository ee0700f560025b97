"""The core: how one completion runs, whoever asked for it. API, batch line and playground all come through here."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar

from penstock.engines.engine import Endpoint, Piece
from penstock.engines.relay import EngineStream, Relay
from penstock.errors import EngineError, ModelLoading, PutBack
from penstock.inference import context
from penstock.inference.choice import ChoiceReader
from penstock.inference.completion_ids import completion_ids
from penstock.inference.embedding import Embedded, most_tokens, portions
from penstock.inference.form import Shaped, Shaper, form_of
from penstock.inference.kept_form import KeptForm
from penstock.inference.kind import check_embeds, check_writes
from penstock.inference.meter import Asked, Delivery, Entry, Meter, between
from penstock.inference.prompt import ChatPrompt, Measured, TextPrompts
from penstock.inference.reserve import Answers, reserve
from penstock.inference.room import Room, room_for
from penstock.inference.route import Router, Served
from penstock.inference.seats import Seat, Seats
from penstock.inference.stop import StopScanner
from penstock.inference.ticket import Ticket
from penstock.inference.token_logprobs import LogprobQueue
from penstock.inference.tool_calls import WrittenCalls
from penstock.inference.unfinished import can_go_on
from penstock.protocol.answer import Usage
from penstock.protocol.chat import ChatRequest
from penstock.protocol.chat_chunk import Timings
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.embeddings import EmbeddingRequest
from penstock.protocol.sampling import SamplingRequest
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Limiter
from penstock.tenants.speed import tokens_per_second


class Completion:
    """A completion under way: pieces of text to read until None, and the usage so far."""

    def __init__(
        self,
        completion_id: str,
        request: SamplingRequest,
        stream: EngineStream,
        entry: Entry,
        *,
        readers: Mapping[int, ChoiceReader],
        beginning: str = "",
    ) -> None:
        """`readers` are those of choices whose text does not simply pass as it comes;
        `beginning` is what was written before of an answer that goes on."""
        self.id = completion_id
        self.created = int(time.time())
        self.model = request.model
        self.choices = request.choices
        self.service_tier = request.tier_used
        self._stream = stream
        self._entry = entry
        self._open = set(range(self.choices))
        self._readers = readers
        self._beginning = beginning

    async def read(self) -> list[Piece] | None:
        """What came since the last call; None at the end. May be empty. Raises EngineError."""
        if not self._open:
            return None
        if self._beginning:
            beginning, self._beginning = Piece(content=self._beginning), ""
            return [self._take(beginning)]
        pieces = await self._stream.read()
        if pieces is None:
            raise _incomplete()
        return self._came(pieces)

    async def flow(self, take: Callable[[list[Piece]], bool]) -> None:
        """Give what comes to `take` in the very moment in which it comes, until it answers False or all has come.
        Raises EngineError."""
        if self._open and not self._beginning:
            await self._stream.flow(partial(self._give, take))

    def _give(self, take: Callable[[list[Piece]], bool], pieces: list[Piece]) -> bool:
        return take(self._came(pieces)) and bool(self._open)

    def _came(self, pieces: list[Piece]) -> list[Piece]:
        entry = self._entry
        entry.last_token = time.monotonic()
        if entry.first_token is None and any(p.content or p.reasoning or p.calls for p in pieces):
            entry.first_token = entry.last_token
        if entry.written is not None:
            self._keep(pieces)
        if self._readers:
            return [self._take(piece) for piece in pieces if piece.index in self._open]
        for piece in pieces:  # of choices that are open: nothing but the engine ends them
            if piece.finish_reason is not None:
                self._close(piece)
        return pieces

    def _keep(self, pieces: list[Piece]) -> None:
        assert self._entry.written is not None
        self._entry.written += [piece.content for piece in pieces]
        if any(piece.reasoning or piece.calls or piece.finish_reason for piece in pieces):
            self._entry.written = None  # not a text that is gone on with

    def _take(self, piece: Piece) -> Piece:
        if reader := self._readers.get(piece.index):
            reader.take(piece)
        if piece.finish_reason:
            self._close(piece)
        return piece

    def _close(self, last: Piece) -> None:
        self._open.discard(last.index)
        self._entry.finish_reason = last.finish_reason

    def complete(self) -> None:
        """The answer is whole, and its end is about to be sent: record it now, so that whoever saw the end was."""
        self._entry.complete()

    @property
    def usage(self) -> Usage:
        return self._entry.counts.usage()

    @property
    def timings(self) -> Timings:
        """Where its time went, so far."""
        entry, decode_ms = self._entry, between(self._entry.first_token, self._entry.last_token)
        return Timings(
            queue_ms=_rounded(between(entry.started, entry.entered)) or 0.0,
            ttft_ms=_rounded(between(entry.started, entry.first_token)),
            decode_ms=_rounded(decode_ms),
            tokens_per_second=_rounded(tokens_per_second(self.usage.completion_tokens, decode_ms)),
        )


def _incomplete() -> EngineError:
    return EngineError("The engine ended its answer before every choice was complete.")


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def chat_readers(shaped: Shaped) -> dict[int, ChoiceReader]:
    """Most requests have nothing to be read out of their text: their pieces pass as they come."""
    request = shaped.request
    if not (request.stops or request.logprobs or shaped.grammar or shaped.calls != "none"):
        return {}
    return {
        index: ChoiceReader(
            calls=WrittenCalls() if shaped.calls == "written" else None,
            form=KeptForm(shaped.words) if shaped.grammar else None,
            stops=StopScanner(request.stops) if request.stops else None,
            logprobs=LogprobQueue(top=request.top_logprobs or 0) if request.logprobs else None,
        )
        for index in range(request.choices)
    }


def text_readers(request: CompletionRequest) -> dict[int, ChoiceReader]:
    """The same for raw prompts, which know stop strings alone."""
    if not request.stops:
        return {}
    return {index: ChoiceReader(stops=StopScanner(request.stops)) for index in range(request.choices)}


class Inference:
    """Runs completions."""

    def __init__(
        self, router: Router, shaper: Shaper, limiter: Limiter, admission: Seats, relay: Relay, meter: Meter
    ) -> None:
        self.router = router
        self.shaper = shaper
        self.limiter = limiter
        self.admission = admission
        self.relay = relay
        self.meter = meter
        self.chat_ids = completion_ids("chatcmpl")
        self.text_ids = completion_ids("cmpl")

    def chat(self, request: ChatRequest, caller: Caller, *, request_id: str, delivery: Delivery) -> "ChatRun":
        """A block in which one chat completion runs. It ends with the block: the engine stops, its slot is free, the
        ledger has its row.

        Raises an ApiError before the block is entered where the request cannot run at all.
        """
        return ChatRun(self, request, caller, request_id=request_id, delivery=delivery)

    def complete(self, request: CompletionRequest, caller: Caller, *, request_id: str, delivery: Delivery) -> "TextRun":
        """The same for raw prompts. All its prompts run as one request of the engine."""
        return TextRun(self, request, caller, request_id=request_id, delivery=delivery)

    async def count(self, request: ChatRequest, caller: Caller) -> int:
        """The tokens that the prompt of a chat completion would have. Raises what `chat` does before it runs."""
        form = form_of(request)
        self.router.find(request.model, caller)
        endpoint = self.router.pick(request.model)
        shaped = await self.shaper.shape(request, form, endpoint)
        return await context.count(ChatPrompt(shaped.request, endpoint, self.relay), endpoint)

    async def embed(
        self, request: EmbeddingRequest, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> Embedded:
        """Make the embeddings of one request, in the way of `chat`; with each portion of its inputs it queues anew."""
        worker = self.router.find(request.model, caller)
        asked = asked_of(request, worker, request_id=request_id, batch=delivery.batch)
        with self.meter.follow(caller, asked, delivery=delivery) as entry:
            endpoint = self.router.ready(worker, request.model)
            check_embeds(request.model, endpoint, dimensions=request.dimensions)
            room = room_for(caller, endpoint)
            inputs = TextPrompts(request.inputs, endpoint, self.relay)
            context.check_texts(inputs, room, output=0, name="input")
            await self.reserve(entry, room, prompt=inputs, answers=Answers())
            await context.fit_texts(inputs, room, output=0, name="input")
            entry.counts.choices_per_prompt = 1
            vectors: list[bytes] = []
            for portion in portions(request.inputs, context_length=endpoint.context_length):
                worst, places = sum(map(most_tokens, portion)), min(len(portion), endpoint.slots)
                ticket = entry.ticket(tokens=worst, places=places)
                async with self.admission.enter(endpoint, ticket) as place:
                    self.begin(worker, endpoint, entry, place)
                    made, tokens = await self.relay.embed(portion, endpoint)
                    entry.counts.read(len(vectors), tokens, cached=0)
                entry.last_token = time.monotonic()
                entry.first_token = entry.first_token or entry.last_token
                vectors += made
            return Embedded(request.model, vectors, entry.counts.usage().prompt_tokens)

    async def reserve(self, entry: Entry, room: Room, *, prompt: Measured, answers: Answers) -> None:
        """From here on the request counts against the caller's limits. Raises RateLimited."""
        caller = entry.caller
        entry.limited_by(partial(self.limiter.standing, caller, room.endpoint.model))
        entry.reserved(await reserve(self.limiter, caller, room, prompt=prompt, answers=answers))

    def begin(self, worker: Served, endpoint: Endpoint, entry: Entry, place: Seat) -> None:
        """It is this request's turn. Raises ModelLoading where the engine is another by now."""
        if worker.endpoint is not endpoint:
            self.router.ready(worker, worker.model.id)
            raise ModelLoading("The model was started anew while this request waited.", retry_after=1)
        if entry.entered is None:
            entry.entered = place.entered
        place.holds(entry)


R = TypeVar("R", bound=SamplingRequest)


class Run(ABC, Generic[R]):
    """One completion from its first check to its end; a block, which gives it once the engine answers."""

    def __init__(
        self, inference: Inference, request: R, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> None:
        self._inference = inference
        self._request = request
        self._caller = caller
        self._request_id = request_id
        self._delivery = delivery
        self._entry: Entry | None = None
        self._place: Seat | None = None
        self._stream: EngineStream | None = None

    async def __aenter__(self) -> Completion:
        inference, request, delivery = self._inference, self._request, self._delivery
        worker = inference.router.find(request.model, self._caller)  # nothing is recorded of a model that is not there
        asked = asked_of(request, worker, request_id=self._request_id, batch=delivery.batch)
        self._entry = inference.meter.begin(self._caller, asked, delivery)
        begun = False
        try:
            completion = await self._begin(worker, self._entry)
            begun = True
        finally:
            if not begun:
                self._end(sys.exception())
        return completion

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    @abstractmethod
    async def _begin(self, worker: Served, entry: Entry) -> Completion:
        """Let the engine begin. Raises an ApiError where the request cannot run."""

    async def _enter(self, worker: Served, endpoint: Endpoint, ticket: Ticket) -> None:
        """Wait for a place. Raises ServerOverloaded, ModelLoading or PutBack."""
        assert self._entry is not None
        place = self._inference.admission.enter(endpoint, ticket)
        await place.enter()
        self._place = place
        self._inference.begin(worker, endpoint, self._entry, place)

    def _end(self, error: BaseException | None) -> None:
        assert self._entry is not None
        if self._stream is not None:
            self._stream.close()
        try:
            if self._place is not None:
                self._place.leave(error)
        except PutBack as put_back:
            error = put_back
            raise
        finally:
            self._inference.meter.ended(self._entry, error)


class ChatRun(Run[ChatRequest]):
    """See Inference.chat."""

    async def _begin(self, worker: Served, entry: Entry) -> Completion:
        inference, request = self._inference, self._request
        form = form_of(request)
        endpoint = inference.router.ready(worker, request.model)
        room = room_for(self._caller, endpoint)
        shaped = await inference.shaper.shape(request, form, endpoint)
        prompt = ChatPrompt(shaped.request, endpoint, inference.relay)
        context.check(shaped.request, prompt, room)
        answers = Answers(request.choices, request.output_limit)
        await inference.reserve(entry, room, prompt=prompt, answers=answers)
        bounded = await context.fitted(shaped.request, prompt, room)
        worst = answers.worst(prompt, room)
        beginning = ""
        if self._delivery.batch and can_go_on(shaped, endpoint):
            bounded, beginning = entry.go_on(bounded)
        await self._enter(worker, endpoint, entry.ticket(tokens=worst, places=request.choices))
        self._stream = stream = await inference.relay.chat(bounded, endpoint, grammar=shaped.grammar)
        stream.counts.earlier = entry.counts.earlier
        entry.counts = stream.counts
        readers = chat_readers(shaped)
        completion_id = next(inference.chat_ids)
        return Completion(completion_id, shaped.request, stream, entry, readers=readers, beginning=beginning)


class TextRun(Run[CompletionRequest]):
    """See Inference.complete."""

    async def _begin(self, worker: Served, entry: Entry) -> Completion:
        inference = self._inference
        endpoint = inference.router.ready(worker, self._request.model)
        check_writes(self._request.model, endpoint)
        room = room_for(self._caller, endpoint)
        request = context.bounded_completion(self._request, room)
        prompts = TextPrompts(request.prompts, endpoint, inference.relay)
        context.check_completion(request, prompts, room)
        answers = Answers(request.choices, request.output_limit)
        await inference.reserve(entry, room, prompt=prompts, answers=answers)
        await context.fit_texts(prompts, room, output=request.output_limit or 1, name="prompt")
        worst = answers.worst(prompts, room)
        # The choices of one prompt need their slots at once; beyond the slots, prompts wait inside the engine.
        places = max(request.n or 1, min(request.choices, endpoint.slots))
        await self._enter(worker, endpoint, entry.ticket(tokens=worst, places=places))
        self._stream = stream = await inference.relay.complete(request, endpoint)
        entry.counts = stream.counts
        return Completion(next(inference.text_ids), request, stream, entry, readers=text_readers(request))


def asked_of(request: SamplingRequest | EmbeddingRequest, worker: Served, *, request_id: str, batch: bool) -> Asked:
    """What the ledger has to know of a request."""
    tier, streamed = "default", False
    if isinstance(request, SamplingRequest):
        tier, streamed = request.tier_used or "default", bool(request.stream)
    return Asked(request_id, worker.model.id, streamed, tier, batch, worker.price)
