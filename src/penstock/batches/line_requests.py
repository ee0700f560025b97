"""One line of a batch as a request: it takes the way of every other, through `Inference`, and is answered whole."""

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from penstock.errors import ApiError
from penstock.inference.collect import collect_chat, collect_text, collect_vectors
from penstock.inference.completion import Inference
from penstock.inference.unfinished import Unfinished
from penstock.protocol.answer import encode
from penstock.protocol.batches import BatchEndpoint
from penstock.protocol.chat import parse_chat_request
from penstock.protocol.completions import parse_completion_request
from penstock.protocol.embeddings import parse_embedding_request
from penstock.tenants.caller import Caller
from penstock.tenants.ledger import Ledger
from penstock.tenants.limits import Standing
from penstock.tenants.usage import UsageRecord


class LineDelivery:
    """What the meter needs to know of an answer that goes into a file."""

    batch = True
    begun = False
    broken_off: ApiError | None = None

    def __init__(self, path: BatchEndpoint, *, batch_id: str) -> None:
        self.path = path
        self.batch_id = batch_id
        self.standing: Callable[[], Standing] | None = None
        self.put_backs = 0
        self.unfinished: Unfinished | None = None


class Receipts:
    """Rows of the ledger on their way there: each is committed together with the result that it is for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rows: dict[str, UsageRecord] = {}

    def check(self) -> None:
        """Raises DatabaseAway where so much waits for the database that no further request may begin."""
        self._ledger.check()

    def record(self, row: UsageRecord) -> None:
        self._rows[row.request_id] = row

    def take(self, request_id: str) -> UsageRecord | None:
        """The row of a request that has ended; None where it was refused before it could use anything."""
        return self._rows.pop(request_id, None)


class _Envelope(Struct):
    body: Raw


class LineRequests:
    """Runs lines."""

    def __init__(self, inference: Inference, receipts: Receipts) -> None:
        """`inference` is one whose meter gives its rows to `receipts`."""
        self.receipts = receipts
        self._inference = inference

    async def run(self, given: bytes, caller: Caller, *, delivery: LineDelivery, request_id: str) -> bytes:
        """The answer's body to a line of the input. Raises the ApiError that a live request would be answered with,
        or PutBack."""
        body = bytes(msgspec.json.decode(given, type=_Envelope).body)
        match delivery.path:
            case "/v1/chat/completions":
                chat = self._inference.chat(parse_chat_request(body), caller, request_id=request_id, delivery=delivery)
                async with chat as completion:
                    answer: Struct = await collect_chat(completion)
            case "/v1/completions":
                text = self._inference.complete(
                    parse_completion_request(body), caller, request_id=request_id, delivery=delivery
                )
                async with text as completion:
                    answer = await collect_text(completion)
            case "/v1/embeddings":
                request = parse_embedding_request(body)
                embedded = await self._inference.embed(request, caller, request_id=request_id, delivery=delivery)
                answer = collect_vectors(embedded, as_numbers=request.encoding_format != "base64")
        return encode(answer)
