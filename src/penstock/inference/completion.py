"""The core: how one completion runs, whoever asked for it. API, batch line and playground all come through here."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.engines.engine import Piece
from penstock.engines.relay import EngineStream, Relay
from penstock.errors import EngineError, ModelLoading
from penstock.inference import context
from penstock.inference.admission import Admission
from penstock.inference.meter import Delivery, Entry, Meter
from penstock.inference.route import Router
from penstock.inference.stop import StopScanner
from penstock.protocol.chat import ChatRequest, Usage
from penstock.tenants.keys import Caller


class Completion:
    """A completion under way: pieces of text to read until None, and the usage so far."""

    def __init__(self, request: ChatRequest, stream: EngineStream, entry: Entry) -> None:
        self.id = f"chatcmpl-{uuid.uuid4()}"
        self.created = int(time.time())
        self.model = request.model
        self.choices = request.n or 1
        self._stream = stream
        self._entry = entry
        self._open = set(range(self.choices))
        stops = request.stops
        self._scanners = {index: StopScanner(stops) for index in self._open} if stops else {}

    async def read(self) -> list[Piece] | None:
        """What came since the last call; None at the end. May be empty. Raises EngineError."""
        if not self._open:
            return None
        pieces = await self._stream.read()
        if pieces is None:
            raise EngineError("The engine ended its answer before every choice was complete.")
        if pieces and self._entry.first_token is None and any(p.content or p.reasoning for p in pieces):
            self._entry.first_token = time.monotonic()
        return [done for piece in pieces if piece.index in self._open for done in self._take(piece)]

    def _take(self, piece: Piece) -> list[Piece]:
        scanner = self._scanners.get(piece.index)
        if scanner is not None:
            self._apply_stops(piece, scanner)
        if piece.finish_reason:
            self._open.discard(piece.index)
            self._entry.finish_reason = piece.finish_reason
        return [piece]

    def _apply_stops(self, piece: Piece, scanner: StopScanner) -> None:
        piece.content, hit = scanner.feed(piece.content)
        if hit is not None:
            piece.finish_reason, piece.stop_reason = "stop", hit
        elif piece.finish_reason:
            piece.content += scanner.rest()

    @property
    def usage(self) -> Usage:
        return self._entry.counts.usage()


class Inference:
    """Runs completions."""

    def __init__(self, router: Router, admission: Admission, relay: Relay, meter: Meter) -> None:
        self._router = router
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
        endpoint = self._router.pick(request.model)
        streamed = bool(request.stream)
        with self._meter.follow(
            caller, request_id=request_id, model=endpoint.model, streamed=streamed, delivery=delivery
        ) as entry:
            await context.check(request, endpoint, self._relay)
            async with self._admission.enter(endpoint, places=request.n or 1):
                if self._router.pick(request.model) is not endpoint:
                    raise ModelLoading("The model was started anew while this request waited.", retry_after=1)
                entry.entered = time.monotonic()
                async with self._relay.chat(context.bounded(request, endpoint), endpoint) as stream:
                    entry.counts = stream.counts
                    yield Completion(request, stream, entry)
