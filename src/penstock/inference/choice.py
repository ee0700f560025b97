"""One choice of an answer: from what the engine gives to what the client gets."""

from penstock.engines.engine import Piece
from penstock.inference.kept_form import KeptForm
from penstock.inference.stop import StopScanner
from penstock.inference.token_logprobs import LogprobQueue
from penstock.inference.tool_calls import WrittenCalls, new_call_id


class ChoiceReader:
    """Takes the pieces of one choice in their order: calls out of its text first, then stop strings in what is left."""

    def __init__(
        self,
        *,
        calls: WrittenCalls | None = None,
        form: KeptForm | None = None,
        stops: StopScanner | None = None,
        logprobs: LogprobQueue | None = None,
    ) -> None:
        self._calls = calls
        self._form = form
        self._stops = stops
        self._logprobs = logprobs
        self._called = False

    def take(self, piece: Piece) -> None:
        """Turn `piece` into what goes to the client, in place. Raises EngineError for an answer out of its form."""
        if self._calls is not None:
            self._take_calls(piece, self._calls)
        if self._form is not None:
            self._form.take(piece)
        if piece.calls:
            self._called = True
            for call in piece.calls:
                call.id = call.id or (new_call_id() if call.name else "")
        if self._stops is not None:
            self._apply_stops(piece, self._stops)
        if self._logprobs is not None:
            self._give_logprobs(piece, self._logprobs)
        if self._called and piece.finish_reason == "stop":
            piece.finish_reason = "tool_calls"

    def _take_calls(self, piece: Piece, calls: WrittenCalls) -> None:
        piece.content, found = calls.feed(piece.content)
        if found:
            piece.calls = found
        if piece.finish_reason:
            held = calls.rest()
            if piece.finish_reason == "length" and held.strip():
                self._called = True  # its mark was cut off, and is no word for the client
            else:
                piece.content += held

    def _apply_stops(self, piece: Piece, stops: StopScanner) -> None:
        piece.content, hit = stops.feed(piece.content)
        if hit is not None:
            piece.finish_reason, piece.stop_reason = "stop", hit
        elif piece.finish_reason:
            piece.content += stops.rest()

    def _give_logprobs(self, piece: Piece, logprobs: LogprobQueue) -> None:
        logprobs.add(piece.logprobs or [])
        piece.logprobs = logprobs.release(piece.content)
        if piece.finish_reason and piece.stop_reason is None and not self._called:
            piece.logprobs += logprobs.rest()
