"""/api/requests: the requests that an account made, one by one, as long as their rows are kept."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, Self

from fastapi.responses import Response, StreamingResponse
from msgspec import Meta, Struct
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers

from penstock.batches.ids import line_of
from penstock.errors import DatabaseAway, InvalidRequest, NotFound
from penstock.protocol.price import decimal
from penstock.protocol.validation import NO_NUL
from penstock.tenants.paging import LONGEST_PAGE, Page
from penstock.tenants.request_history import Made, Outcome, RequestHistory, Wanted
from penstock.tenants.speed import tokens_per_second
from penstock.web.access import SIGNED_IN
from penstock.web.csv_lines import lines, wants_csv
from penstock.web.lists import List, PageQuery
from penstock.web.routing import NO_STORE, Asked, Routing, route
from penstock.web.wanted import Id, Moment
from penstock.web.whose import account_meant, sees_all

Order = Literal[
    "created_at",
    "total_ms",
    "ttft_ms",
    "completion_tokens",
    "cost",
    "-created_at",
    "-total_ms",
    "-ttft_ms",
    "-completion_tokens",
    "-cost",
]


class RequestsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which requests, and in which order; with `-` the newest, or the most, first."""

    account: Id | None = None
    """The id of an account, or `all`; other accounts than one's own are for administrators."""
    id: Id | None = None
    """The one with this id, as `x-request-id` has it."""
    model: Id | None = None
    key: Id | None = None
    """The id of a key."""
    outcome: Outcome | None = None
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    error_code: Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL)] | None = None
    batch: bool | None = None
    """Lines of batches alone, or all but these."""
    batch_id: Id | None = None
    """The lines of this batch."""
    since: Moment | None = None
    """In seconds since 1970, inclusive."""
    until: Moment | None = None
    """Exclusive."""
    sort: Order = "-created_at"
    format: Annotated[
        Literal["json", "csv"], Meta(description="`csv` gives all of them at once, in the order of time.")
    ] = "json"

    def wanted(self, account_id: str | None) -> Wanted:
        return Wanted(
            account_id=account_id,
            id=self.id,
            model=self.model,
            key_id=self.key,
            outcome=self.outcome,
            status=self.status,
            error_code=self.error_code,
            batch=self.batch,
            batch_id=self.batch_id,
            since=self.since,
            until=self.until,
        )


class RequestShown(Struct, kw_only=True):
    """One request that is over: its row in the ledger. What was said in it is not kept.

    Spans are in milliseconds; null where the request never came so far.
    """

    id: str
    object: Literal["request"] = "request"
    account_id: str
    account: str | None
    """Its e-mail or name; null where it is gone."""
    key_id: str
    key: str | None
    """The key's name."""
    model: str
    endpoint: str
    created_at: float
    """In seconds since 1970, with parts of a second."""
    status: int
    outcome: Outcome
    finish_reason: str | None
    error_code: str | None
    limit_hit: str | None
    """The limit that refused it, by its name in plans."""
    frees_at: float | None
    """When that limit would have let it in; null where no waiting helps."""
    streamed: bool
    batch: bool
    """Whether it is a line of a batch."""
    batch_id: str | None
    line: int | None
    """Its number in the batch's input."""
    tier: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    queue_ms: float
    load_ms: float | None
    prefill_ms: float | None
    decode_ms: float | None
    ttft_ms: float | None
    """From its start to its first token."""
    total_ms: float
    tokens_per_second: float | None
    """From its first token to its last; null where that is too short to tell."""
    cost: str
    """A decimal number as text, so that no reader rounds it."""
    currency: str
    input_price: str
    """For one token, when the request ran; as `cost`."""
    cached_input_price: str
    output_price: str

    @classmethod
    def of(cls, made: Made, *, currency: str) -> Self:
        row = made.row
        given = {name: getattr(row, name) for name in row.__struct_fields__ if name in cls.__struct_fields__}
        shown: dict[str, Any] = {
            **given,
            "id": row.request_id,
            "account": made.account,
            "key": made.key,
            "input_tokens": row.prompt_tokens,
            "cached_input_tokens": row.cached_tokens,
            "output_tokens": row.completion_tokens,
            "line": None if row.batch_id is None else line_of(row.request_id),
            "tokens_per_second": tokens_per_second(row.completion_tokens, row.decode_ms),
            "currency": currency.lower(),
            **{name: decimal(given[name]) for name in ("cost", "input_price", "cached_input_price", "output_price")},
        }
        return cls(**shown)


class RequestList(List, kw_only=True):
    """Requests, the newest first unless asked otherwise."""

    data: list[RequestShown]


LIST = route(
    "GET",
    "/api/requests",
    "listRequests",
    "List the requests that one's account made; administrators see all accounts",
    query=RequestsQuery,
    answer=RequestList,
    media=("text/csv",),
    access=SIGNED_IN,
)
SHOW = route(
    "GET",
    "/api/requests/{id}",
    "showRequest",
    "Show one request of one's account; administrators see all accounts",
    answer=RequestShown,
    access=SIGNED_IN,
    parameters={"id": "The request's id, as `x-request-id` has it."},
    errors=(NotFound,),
)


class RequestLog:
    """The routes."""

    operations = (LIST, SHOW)

    def __init__(self, history: RequestHistory, *, currency: str) -> None:
        self._history = history
        self._currency = currency

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(SHOW, self.show)

    async def list(self, asked: Asked) -> Struct | Response:
        query = asked.query(RequestsQuery)
        wanted = query.wanted(account_meant(asked.visitor, query.account))
        if query.format == "csv" or wants_csv(Headers(scope=asked.scope).get("accept", "")):
            return await self._csv(query, wanted)
        page = await self._page(
            wanted,
            after=query.after,
            limit=query.limit,
            sort=query.sort.removeprefix("-"),
            ascending=not query.sort.startswith("-"),
        )
        data = _shown(page, self._currency)
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return RequestList(first_id=first, last_id=last, has_more=page.has_more, data=data)

    async def show(self, asked: Asked) -> Struct:
        own = None if sees_all(asked.visitor) else asked.visitor.account_id
        return RequestShown.of(await self._history.get(asked.named("id"), account_id=own), currency=self._currency)

    async def _page(self, wanted: Wanted, **how: Any) -> Page[Made]:
        try:
            return await self._history.page(wanted, **how)
        except SQLAlchemyError as error:
            raise DatabaseAway("The ledger cannot be read just now. Try again.", retry_after=1) from error

    async def _csv(self, query: RequestsQuery, wanted: Wanted) -> Response:
        """All of them, in parts: no part holds up a stream, and none is read before the one before is sent."""
        if query.after is not None or query.sort.removeprefix("-") != "created_at":
            raise InvalidRequest("CSV is given whole and in the order of time: leave after and sort out.", param="sort")
        names = [name for name in RequestShown.__struct_fields__ if name != "object"]
        how: dict[str, Any] = {"limit": LONGEST_PAGE, "sort": "created_at", "ascending": query.sort == "created_at"}
        first = await self._page(wanted, **how)  # before the status is sent, so that an error has one

        async def parts() -> AsyncIterator[str]:
            yield lines([names])
            page = first
            while page.rows:
                yield lines([getattr(shown, name) for name in names] for shown in _shown(page, self._currency))
                if not page.has_more:
                    return
                page = await self._page(wanted, after=page.rows[-1].row.request_id, **how)

        headers = {**NO_STORE, "content-disposition": 'attachment; filename="requests.csv"'}
        return StreamingResponse(parts(), headers=headers, media_type="text/csv")


def _shown(page: Page[Made], currency: str) -> list[RequestShown]:
    return [RequestShown.of(made, currency=currency) for made in page.rows]
