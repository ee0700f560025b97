"""GET /v1/usage, and OpenAI's /v1/organization/usage/completions, .../embeddings and /v1/organization/costs."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers

from penstock.api import usage_csv
from penstock.api.usage_form import DIMENSIONS, FILTERS, Form, completions, costs, embeddings, own
from penstock.errors import DatabaseAway, InvalidRequest
from penstock.protocol.usage_pages import AnyPage
from penstock.protocol.usage_query import MOST_BUCKETS, SECONDS, Span
from penstock.tenants.caller import Caller
from penstock.tenants.usage_report import DAY, MINUTE, Bucket, Question, UsageReport, floor_to
from penstock.web.access import ADMIN_KEY, ANY_KEY, Access
from penstock.web.answer import READING, answered
from penstock.web.asgi import Scope
from penstock.web.csv_lines import wants_csv
from penstock.web.operation import Operation
from penstock.web.query import read_query

OWN = "/v1/usage"
COMPLETIONS = "/v1/organization/usage/completions"
EMBEDDINGS = "/v1/organization/usage/embeddings"
COSTS = "/v1/organization/costs"

MOST_RESULTS = 2500
"""With so many results a page ends, at the end of a bucket, whatever its limit."""
_FIRST_PART = 8


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    told = [
        ("usage", OWN, "Show what the account of this key used, and what it cost", own()),
        ("usageCompletions", COMPLETIONS, "Show what all accounts used to make text", completions()),
        ("usageEmbeddings", EMBEDDINGS, "Show what all accounts used to make embeddings", embeddings()),
        ("costs", COSTS, "Show what all accounts cost", costs()),
    ]
    return [
        Operation(
            name=name,
            method="GET",
            path=path,
            summary=f"{summary}, by spans of time",
            answer=form.page,
            query=form.query,
            media=("text/csv",),
            access=ANY_KEY if path == OWN else ADMIN_KEY,
        )
        for name, path, summary, form in told
    ]


def usage_router(
    report: UsageReport,
    caller: Callable[[Any, Access], Awaitable[Caller]],
    *,
    currency: str,
    row_days: int,
    now: Callable[[], float] = time.time,
) -> APIRouter:
    """The routes; `caller` lets those in whom a route is for. `row_days`: for how long rows are kept."""
    pages = UsagePages(report, currency=currency, row_days=row_days, now=now)
    router = APIRouter()

    @router.api_route(OWN, methods=READING)
    async def show_own(request: Request) -> Response:
        """What the caller's account used."""
        asking = await caller(request.scope, ANY_KEY)
        return await pages.answer(request.scope, own(), account_id=asking.account_id)

    @router.api_route(COMPLETIONS, methods=READING)
    async def show_completions(request: Request) -> Response:
        """What everybody used to make text."""
        await caller(request.scope, ADMIN_KEY)
        return await pages.answer(request.scope, completions(), account_id=None, kind="completions")

    @router.api_route(EMBEDDINGS, methods=READING)
    async def show_embeddings(request: Request) -> Response:
        """What everybody used to make embeddings."""
        await caller(request.scope, ADMIN_KEY)
        return await pages.answer(request.scope, embeddings(), account_id=None, kind="embeddings")

    @router.api_route(COSTS, methods=READING)
    async def show_costs(request: Request) -> Response:
        """What everybody cost."""
        await caller(request.scope, ADMIN_KEY)
        return await pages.answer(request.scope, costs(), account_id=None)

    return router


@dataclass(frozen=True)
class UsagePages:
    """Answers one request: a page of JSON, or all of it as CSV."""

    report: UsageReport
    currency: str
    row_days: int
    now: Callable[[], float]

    async def answer(self, scope: Scope, form: Form, *, account_id: str | None, kind: Any = None) -> Response:
        """Raises InvalidRequest for what is wrong with the query string."""
        query: Any = read_query(scope, form.query)
        seconds, most = SECONDS[query.bucket_width], _limit(query, form)
        question = replace(_question(query, self.now(), seconds, _limit(query, form)), account_id=account_id, kind=kind)
        self._check_rows(question, seconds)
        if query.format == "csv" or (query.format is None and wants_csv(Headers(scope=scope).get("accept", ""))):
            return await self._csv(question, form, query, seconds)
        start = _start_of_page(query, question, seconds)
        question = replace(question, start=start)
        last = min(question.stop, start + most * seconds)
        page = await self._page(replace(question, stop=last), form, query.group_by, seconds)
        stop = page.data[-1].end_time if page.data else last
        page.has_more = stop < question.stop
        page.next_page = f"page_{stop:x}" if page.has_more else None
        return answered(page)

    def _check_rows(self, question: Question, seconds: int) -> None:
        # Minutes are counted out of the rows: where these are gone, an empty page would not be true.
        oldest = self.now() - self.row_days * DAY
        if seconds == MINUTE and self.row_days and question.start < floor_to(int(oldest), MINUTE):
            raise InvalidRequest(
                f"Single requests are kept for {self.row_days} days here, and minutes are counted out of them. Ask for "
                "a later start_time, or for a bucket_width of 1h or 1d.",
                param="start_time",
            )

    async def _page(self, question: Question, form: Form, names: list[str], seconds: int) -> AnyPage:
        """The buckets of the question, up to the one that the results become too many with."""
        data: list[Any] = []
        async with aclosing(self._parts(question, form, names, seconds)) as parts:
            async for part in parts:
                data += part
                if sum(len(bucket.results) for bucket in data) >= MOST_RESULTS:
                    break
        return form.page(data=data, has_more=False, next_page=None)

    async def _parts(
        self, question: Question, form: Form, names: list[str], seconds: int
    ) -> AsyncGenerator[list[Any], None]:
        """The buckets in parts of some thousand results: what is rendered at once keeps the streams of others waiting.

        How many buckets that is shows in the part before. Raises DatabaseAway.
        """
        start, count = question.start, _FIRST_PART if names else MOST_RESULTS
        while start < question.stop:
            stop = min(question.stop, start + count * seconds)
            try:
                buckets = await self.report.buckets(replace(question, start=start, stop=stop), seconds=seconds)
            except SQLAlchemyError as error:
                raise DatabaseAway("The ledger cannot be read just now. Try again.", retry_after=1) from error
            yield [self._bucket(bucket, form, names) for bucket in buckets]
            results = sum(len(bucket.groups) for bucket in buckets)
            count = max(1, min(8 * count, count * MOST_RESULTS // max(1, results)))
            start = stop

    def _bucket(self, bucket: Bucket, form: Form, names: list[str]) -> Any:
        results: Any = [
            form.render(dict(zip(names, group.values, strict=True)), group.sums, currency=self.currency)
            for group in bucket.groups
        ]
        return form.bucket(start_time=bucket.start, end_time=bucket.stop, results=results)

    async def _csv(self, question: Question, form: Form, query: Any, seconds: int) -> Response:
        for name in ("limit", "page"):
            if getattr(query, name) is not None:
                raise InvalidRequest(f"CSV is given whole: leave {name} out.", param=name)
        parts = self._parts(question, form, query.group_by, seconds)
        first: list[Any] = await anext(parts, [])  # before the status is sent, so that an error has one

        async def lines() -> AsyncIterator[str]:
            async with aclosing(parts):
                yield usage_csv.head(form.result) + usage_csv.rows(first)
                async for part in parts:
                    yield usage_csv.rows(part)

        headers = {"content-disposition": 'attachment; filename="usage.csv"'}
        return StreamingResponse(lines(), headers=headers, media_type="text/csv")


def _limit(query: Any, form: Form) -> int:
    """Buckets of a page."""
    usual, most = form.limits[query.bucket_width]
    if query.limit is not None and query.limit > most:
        raise InvalidRequest(f"A page has at most {most} buckets of {query.bucket_width}.", param="limit")
    return query.limit or usual


def _question(query: Any, now: float, seconds: int, usual: int) -> Question:
    """What the ledger is asked, over all pages. What has not begun yet has no buckets."""
    running = floor_to(int(now), seconds) + seconds
    stop = running if query.end_time is None else -floor_to(-query.end_time, seconds)
    start = stop - usual * seconds if query.start_time is None else floor_to(query.start_time, seconds)
    if query.end_time is not None and query.start_time is not None and query.start_time >= query.end_time:
        raise InvalidRequest("start_time must be before end_time.", param="start_time")
    stop = min(stop, running)
    if stop - start > MOST_BUCKETS * seconds:
        raise InvalidRequest(
            f"That is more than {MOST_BUCKETS} buckets of {query.bucket_width}. Ask for a shorter span of time, or for "
            "a wider bucket_width.",
            param="start_time",
        )
    if len(set(query.group_by)) < len(query.group_by):
        raise InvalidRequest("group_by names something twice.", param="group_by")
    only: dict[Any, Any] = {FILTERS[name]: getattr(query, name) for name in FILTERS if hasattr(query, name)}
    if getattr(query, "batch", None) is not None:
        only["batch"] = (query.batch,)
    by = tuple(DIMENSIONS[name] for name in query.group_by)
    return Question(account_id=None, start=max(start, 0), stop=max(stop, start, 0), by=by, only=only)


def _start_of_page(query: Span, question: Question, seconds: int) -> int:
    if query.page is None:
        return question.start
    try:
        start = int(query.page.removeprefix("page_"), 16)
    except ValueError:
        start = -1
    known = query.page == f"page_{start:x}" and question.start < start < question.stop and start % seconds == 0
    if not known:
        raise InvalidRequest("This is no next_page of the same question. Leave page out to begin anew.", param="page")
    return start
