"""The core: how one completion runs, whoever asked for it. API, batch line and playground all come through here."""

import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

from penstock.engines.engine import Endpoint, Piece
from penstock.engines.relay import EngineStream, Relay
from penstock.errors import EngineError, ModelLoading
from penstock.inference import context
from penstock.inference.admission import Admission, Place
from penstock.inference.choice import ChoiceReader
from penstock.inference.embedding import Embedded, most_tokens, portions
from penstock.inference.form import Shaped, Shaper, form_of
from penstock.inference.kept_form import KeptForm
from penstock.inference.kind import check_embeds, check_writes
from penstock.inference.meter import Asked, Delivery, Entry, Meter, between
from penstock.inference.prompt import ChatPrompt, Measured, TextPrompts
from penstock.inference.reserve import Answers, reserve
from penstock.inference.room import Room, room_for
from penstock.inference.route import Router
from penstock.inference.stop import StopScanner
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
        kind: str,
        request: SamplingRequest,
        stream: EngineStream,
        entry: Entry,
        *,
        readers: Mapping[int, ChoiceReader],
        beginning: str = "",
    ) -> None:
        """`kind` begins its id; `readers` are those of choices whose text does not simply pass as it comes;
        `beginning` is what was written before of an answer that goes on."""
        self.id = f"{kind}-{uuid.uuid4()}"
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
            raise EngineError("The engine ended its answer before every choice was complete.")
        if pieces and self._entry.first_token is None and any(p.content or p.reasoning or p.calls for p in pieces):
            self._entry.first_token = time.monotonic()
        self._entry.last_token = time.monotonic()
        if self._entry.written is not None:
            self._keep(pieces)
        return [self._take(piece) for piece in pieces if piece.index in self._open]

    def _keep(self, pieces: list[Piece]) -> None:
        assert self._entry.written is not None
        self._entry.written += [piece.content for piece in pieces]
        if any(piece.reasoning or piece.calls or piece.finish_reason for piece in pieces):
            self._entry.written = None  # not a text that is gone on with

    def _take(self, piece: Piece) -> Piece:
        if reader := self._readers.get(piece.index):
            reader.take(piece)
        if piece.finish_reason:
            self._open.discard(piece.index)
            self._entry.finish_reason = piece.finish_reason
        return piece

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
        self, router: Router, shaper: Shaper, limiter: Limiter, admission: Admission, relay: Relay, meter: Meter
    ) -> None:
        self._router = router
        self._shaper = shaper
        self._limiter = limiter
        self._admission = admission
        self._relay = relay
        self._meter = meter

    @asynccontextmanager
    async def chat(
        self, request: ChatRequest, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> AsyncIterator[Completion]:
        """Run one chat completion. It ends with the block: the engine stops, its slot is free, the ledger has its row.

        Raises an ApiError before the block is entered where the request cannot run at all.
        """
        with self._followed(request, caller, request_id=request_id, delivery=delivery) as entry:
            form = form_of(request)
            endpoint = self._router.pick(request.model)
            room = room_for(caller, endpoint)
            shaped = await self._shaper.shape(request, form, endpoint)
            prompt = ChatPrompt(shaped.request, endpoint, self._relay)
            context.check(shaped.request, prompt, room)
            answers = Answers(request.choices, request.output_limit)
            await self._reserve(entry, caller, room, prompt=prompt, answers=answers)
            bounded = await context.fitted(shaped.request, prompt, room)
            worst = answers.worst(prompt, room)
            beginning = ""
            if delivery.batch and can_go_on(shaped, endpoint):
                bounded, beginning = entry.go_on(bounded)
            ticket = entry.ticket(tokens=worst, places=request.choices)
            async with self._admission.enter(endpoint, ticket) as place:
                self._begin(request.model, endpoint, entry, place)
                async with self._relay.chat(bounded, endpoint, grammar=shaped.grammar) as stream:
                    stream.counts.earlier = entry.counts.earlier
                    entry.counts = stream.counts
                    readers = chat_readers(shaped)
                    yield Completion("chatcmpl", shaped.request, stream, entry, readers=readers, beginning=beginning)

    async def count(self, request: ChatRequest, caller: Caller) -> int:
        """The tokens that the prompt of a chat completion would have. Raises what `chat` does before it runs."""
        form = form_of(request)
        self._router.find(request.model, caller)
        endpoint = self._router.pick(request.model)
        shaped = await self._shaper.shape(request, form, endpoint)
        return await context.count(ChatPrompt(shaped.request, endpoint, self._relay), endpoint)

    @asynccontextmanager
    async def complete(
        self, request: CompletionRequest, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> AsyncIterator[Completion]:
        """Run one completion of raw prompts, in the way of `chat`. All its prompts run as one request of the engine."""
        with self._followed(request, caller, request_id=request_id, delivery=delivery) as entry:
            endpoint = self._router.pick(request.model)
            check_writes(request.model, endpoint)
            room = room_for(caller, endpoint)
            request = context.bounded_completion(request, room)
            prompts = TextPrompts(request.prompts, endpoint, self._relay)
            context.check_completion(request, prompts, room)
            answers = Answers(request.choices, request.output_limit)
            await self._reserve(entry, caller, room, prompt=prompts, answers=answers)
            await context.fit_texts(prompts, room, output=request.output_limit or 1, name="prompt")
            worst = answers.worst(prompts, room)
            # The choices of one prompt need their slots at once; beyond the slots, prompts wait inside the engine.
            places = max(request.n or 1, min(request.choices, endpoint.slots))
            async with self._admission.enter(endpoint, entry.ticket(tokens=worst, places=places)) as place:
                self._begin(request.model, endpoint, entry, place)
                async with self._relay.complete(request, endpoint) as stream:
                    entry.counts = stream.counts
                    yield Completion("cmpl", request, stream, entry, readers=text_readers(request))

    async def embed(
        self, request: EmbeddingRequest, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> Embedded:
        """Make the embeddings of one request, in the way of `chat`; with each portion of its inputs it queues anew."""
        with self._followed(request, caller, request_id=request_id, delivery=delivery) as entry:
            endpoint = self._router.pick(request.model)
            check_embeds(request.model, endpoint, dimensions=request.dimensions)
            room = room_for(caller, endpoint)
            inputs = TextPrompts(request.inputs, endpoint, self._relay)
            context.check_texts(inputs, room, output=0, name="input")
            await self._reserve(entry, caller, room, prompt=inputs, answers=Answers())
            await context.fit_texts(inputs, room, output=0, name="input")
            entry.counts.choices_per_prompt = 1
            vectors: list[bytes] = []
            for portion in portions(request.inputs, context_length=endpoint.context_length):
                worst, places = sum(map(most_tokens, portion)), min(len(portion), endpoint.slots)
                ticket = entry.ticket(tokens=worst, places=places)
                async with self._admission.enter(endpoint, ticket) as place:
                    self._begin(request.model, endpoint, entry, place)
                    made, tokens = await self._relay.embed(portion, endpoint)
                    entry.counts.read(len(vectors), tokens, cached=0)
                entry.last_token = time.monotonic()
                entry.first_token = entry.first_token or entry.last_token
                vectors += made
            return Embedded(request.model, vectors, entry.counts.usage().prompt_tokens)

    def _followed(
        self, request: SamplingRequest | EmbeddingRequest, caller: Caller, *, request_id: str, delivery: Delivery
    ) -> AbstractContextManager[Entry]:
        """From here on the request ends in the ledger. Raises ModelNotFound: nothing is counted of such a model."""
        worker = self._router.find(request.model, caller)
        sampling = request if isinstance(request, SamplingRequest) else None
        asked = Asked(
            request_id=request_id,
            model=worker.model.id,
            streamed=bool(sampling and sampling.stream),
            tier=(sampling.tier_used if sampling else None) or "default",
            batch=delivery.batch,
            price=worker.price,
        )
        return self._meter.follow(caller, asked, delivery=delivery)

    async def _reserve(self, entry: Entry, caller: Caller, room: Room, *, prompt: Measured, answers: Answers) -> None:
        """From here on the request counts against the caller's limits. Raises RateLimited."""
        entry.limited_by(partial(self._limiter.standing, caller, room.endpoint.model))
        entry.reserved(await reserve(self._limiter, caller, room, prompt=prompt, answers=answers))

    def _begin(self, model: str, endpoint: Endpoint, entry: Entry, place: Place) -> None:
        """It is this request's turn. Raises ModelLoading where the engine is another by now."""
        if self._router.pick(model) is not endpoint:
            raise ModelLoading("The model was started anew while this request waited.", retry_after=1)
        entry.entered = entry.entered or place.entered
        place.holds(entry)
