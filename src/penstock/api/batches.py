"""/v1/batches: many requests in one file, answered in the time that is left over."""

from typing import Any

from msgspec import Struct, convert

from penstock.batches.batch import Batch
from penstock.batches.batches import Batches
from penstock.errors import NotFound, RateLimited
from penstock.protocol.batches import (
    BatchFault,
    BatchFaults,
    BatchList,
    BatchObject,
    BatchQuery,
    BatchRequest,
    BatchUsage,
    CachedTokens,
    ReasoningTokens,
    RequestCounts,
)
from penstock.web.access import BATCH, Access
from penstock.web.operation import Operation
from penstock.web.routing import Asked, Routing, route

OfBatches = tuple[Operation, Operation, Operation, Operation]

ID = {"id": "The batch's id."}
_INPUT = {"input_file_id": "file-0123456789abcdef01234567", "endpoint": "/v1/chat/completions"}
_EXAMPLES = {
    "a day's time": {**_INPUT, "completion_window": "24h"},
    "metadata": {**_INPUT, "completion_window": "1h", "metadata": {"project": "reviews"}},
}


def operations_of(path: str, called: str, *, making: Access, reading: Access, listing: dict[str, Any]) -> OfBatches:
    """The operations at this path, in the order of `BatchRoutes`; `called` is a batch in their names."""
    one: dict[str, Any] = {"access": reading, "parameters": ID, "answer": BatchObject, "errors": (NotFound,)}
    new = {"request": BatchRequest, "answer": BatchObject, "access": making, "examples": _EXAMPLES}
    refused, stop = (NotFound, RateLimited), "Stop a batch; what is done of it is kept"
    return (
        route("POST", path, f"create{called}", "Run the requests of an uploaded file", errors=refused, **new),
        route("GET", path, f"list{called}es", "List batches", access=reading, **listing),
        route("GET", f"{path}/{{id}}", f"retrieve{called}", "Show a batch", **one),
        route("POST", f"{path}/{{id}}/cancel", f"cancel{called}", stop, **one),
    )


class BatchRoutes:
    """The routes."""

    operations = operations_of(
        "/v1/batches", "Batch", making=BATCH, reading=BATCH, listing={"query": BatchQuery, "answer": BatchList}
    )

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def add_to(self, routing: Routing) -> None:
        for operation, answer in zip(self.operations, (self.create, self.list, self.show, self.cancel), strict=True):
            routing.add(operation, answer)

    async def create(self, asked: Asked) -> Struct:
        asked.caller.require("batch")
        return shown(await self.batches.create(asked.caller, await asked.body(BatchRequest)))

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(BatchQuery)
        page = await self.batches.page(asked.visitor.account_id, after=wanted.after, limit=wanted.limit)
        data = [shown(batch) for batch in page.rows]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return BatchList(data=data, first_id=first, last_id=last, has_more=page.has_more)

    async def show(self, asked: Asked) -> Struct:
        return shown(await self.batches.get(asked.visitor.account_id, asked.named("id")))

    async def cancel(self, asked: Asked) -> Struct:
        return shown(await self.batches.cancel(asked.visitor.account_id, asked.named("id")))


def shown(batch: Batch) -> BatchObject:
    """A batch as it looks on the wire."""
    return BatchObject(
        id=batch.id,
        endpoint=batch.endpoint,
        model=batch.model,
        errors=None if batch.errors is None else BatchFaults(data=convert(batch.errors, list[BatchFault])),
        input_file_id=batch.input_file_id,
        completion_window=batch.completion_window,
        status=batch.status,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        request_counts=RequestCounts(total=batch.total, completed=batch.completed, failed=batch.failed),
        usage=BatchUsage(
            input_tokens=batch.prompt_tokens,
            input_tokens_details=CachedTokens(cached_tokens=batch.cached_tokens),
            output_tokens=batch.completion_tokens,
            output_tokens_details=ReasoningTokens(reasoning_tokens=batch.reasoning_tokens),
            total_tokens=batch.prompt_tokens + batch.completion_tokens,
        ),
        metadata=batch.metadata,
        created_at=int(batch.created_at),
        in_progress_at=_moment(batch.in_progress_at),
        expires_at=int(batch.expires_at),
        finalizing_at=_moment(batch.finalizing_at),
        completed_at=_moment(batch.completed_at),
        failed_at=_moment(batch.failed_at),
        expired_at=_moment(batch.expired_at),
        cancelling_at=_moment(batch.cancelling_at),
        cancelled_at=_moment(batch.cancelled_at),
    )


def _moment(at: float | None) -> int | None:
    return None if at is None else int(at)
