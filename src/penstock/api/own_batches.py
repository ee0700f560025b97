"""/api/batches: the batches of whoever is signed in, and why their lines failed."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.api.batches import ID, BatchRoutes, operations_of, shown
from penstock.batches.batch import Batch
from penstock.batches.batches import Batches
from penstock.batches.failures import Failures
from penstock.errors import NotFound, StorageAway
from penstock.protocol.batches import BatchObject, BatchStatus
from penstock.protocol.validation import NO_NUL
from penstock.web.access import ACTING, SIGNED_IN
from penstock.web.lists import List, order_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.wanted import Id

BatchOrder = Literal[
    "created_at", "-created_at", "expires_at", "-expires_at", "total", "-total", "status", "-status",
]  # fmt: skip


class OwnBatchesQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which batches."""

    status: Annotated[list[BatchStatus], Meta(max_length=8)] = []
    """In one of these states; none named: in any."""
    search: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] = ""
    """Part of the name of the input file."""
    sort: BatchOrder = "-created_at"
    """What the list is sorted by; with `-` the largest comes first."""
    after: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class BatchListed(BatchObject, kw_only=True):
    """A batch, and what its input is called."""

    input_filename: str | None
    """null where the file was deleted."""


class OwnBatchList(List, kw_only=True):
    """A page of batches."""

    data: list[BatchListed]


class FailureShown(Struct, kw_only=True):
    """Lines that failed for the same reason."""

    code: str
    message: str
    status: int | None
    """Of the answer; null where there was none."""
    count: int
    lines: list[int]
    """The numbers of the first ones in the input, three at most."""


class FailureList(Struct, kw_only=True):
    """The 100 most frequent reasons."""

    object: Literal["list"] = "list"
    data: list[FailureShown]
    others: int
    """Lines that failed for other reasons."""
    whole: bool
    """Whether all that failed so far was looked at."""


_ONE: dict[str, Any] = {"access": SIGNED_IN, "errors": (NotFound, StorageAway)}
FAILURES = route(
    "GET",
    "/api/batches/{id}/failures",
    "listFailures",
    "Tell why lines of a batch failed, grouped by reason",
    answer=FailureList,
    parameters=ID,
    **_ONE,
)


class OwnBatches(BatchRoutes):
    """The same routes, for sessions, and one more; the list is sorted and filtered."""

    operations = operations_of(
        "/api/batches",
        "OwnBatch",
        making=ACTING,
        reading=SIGNED_IN,
        listing={"query": OwnBatchesQuery, "answer": OwnBatchList},
    )

    def __init__(self, batches: Batches, failures: Failures) -> None:
        super().__init__(batches)
        self._failures = failures

    def add_to(self, routing: Routing) -> None:
        super().add_to(routing)
        routing.add(FAILURES, self.failures)

    async def list(self, asked: Asked) -> Struct:
        wanted, account_id = asked.query(OwnBatchesQuery), asked.visitor.account_id
        sort, ascending = order_of(wanted.sort)
        page = await self.batches.page(
            account_id,
            after=wanted.after,
            limit=wanted.limit,
            sort=sort,
            oldest_first=ascending,
            statuses=wanted.status,
            search=wanted.search,
        )
        names = await self.batches.input_names(account_id, page.rows)
        data = [_listed(batch, names) for batch in page.rows]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return OwnBatchList(data=data, first_id=first, last_id=last, has_more=page.has_more)

    async def failures(self, asked: Asked) -> Struct:
        summary = await self._failures.of(asked.visitor.account_id, asked.named("id"))
        data = [FailureShown(**failure.__dict__) for failure in summary.failures]
        return FailureList(data=data, others=summary.others, whole=summary.whole)


def _listed(batch: Batch, names: dict[str, str]) -> BatchListed:
    told = shown(batch)
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    return BatchListed(**fields, input_filename=names.get(batch.input_file_id))
