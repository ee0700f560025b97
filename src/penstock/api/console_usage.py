"""/api/usage: the pages of /v1/usage for whoever is signed in, and what no sums tell: errors, and how long it took."""

import time
from typing import Any

from fastapi import APIRouter, Response
from msgspec import Struct

from penstock.api.usage import UsagePages
from penstock.api.usage_form import DIMENSIONS, FILTERS, seen
from penstock.errors import InvalidRequest
from penstock.protocol.usage_details import ErrorCount, Timing, TimingBucket, TimingGroup, Timings, UsageDetails
from penstock.protocol.usage_query import MOST_BUCKETS, SECONDS, DetailsQuery, SeenQuery
from penstock.tenants.tenants import Tenants
from penstock.tenants.timing_report import Timed, Times, TimingReport
from penstock.tenants.usage_report import DAY, Question, floor_to
from penstock.web.access import SIGNED_IN
from penstock.web.gate import Gate
from penstock.web.operation import Operation
from penstock.web.routing import NO_STORE, Asked, Routing, route
from penstock.web.whose import account_meant

USAGE = route(
    "GET",
    "/api/usage",
    "accountUsage",
    "Show what one's account used, and what it cost, by spans of time; administrators see all accounts",
    answer=seen().page,
    query=seen().query,
    media=("text/csv",),
    access=SIGNED_IN,
)
DETAILS = route(
    "GET",
    "/api/usage/details",
    "accountUsageDetails",
    "Show which errors one's account met, and how long answers took",
    answer=UsageDetails,
    query=DetailsQuery,
    access=SIGNED_IN,
)


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [USAGE, DETAILS]


def account_usage_router(gate: Gate, tenants: Tenants, *, currency: str, row_days: int) -> APIRouter:
    """The routes. `row_days`: for how long rows are kept; 0: for ever."""
    pages = UsagePages(tenants.usage, currency=currency, row_days=row_days, now=time.time)
    shown = AccountUsage(pages, tenants.timing, row_days=row_days)
    routing = Routing(gate)
    routing.add(USAGE, shown.usage)
    routing.add(DETAILS, shown.details)
    return routing.router


class AccountUsage:
    """What the routes answer."""

    def __init__(self, pages: UsagePages, timing: TimingReport, *, row_days: int) -> None:
        self._pages = pages
        self._timing = timing
        self._row_days = row_days

    async def usage(self, asked: Asked) -> Response:
        account_id = account_meant(asked.visitor, asked.query(SeenQuery).account)
        answer = await self._pages.answer(asked.scope, seen(), account_id=account_id)
        answer.headers.update(NO_STORE)
        return answer

    async def details(self, asked: Asked) -> Struct:
        query = asked.query(DetailsQuery)
        seconds, now = SECONDS[query.bucket_width], time.time()
        stop = min(-floor_to(-(query.end_time or int(now) + 1), seconds), floor_to(int(now), seconds) + seconds)
        start = floor_to(query.start_time, seconds)
        if not 0 <= stop - start <= MOST_BUCKETS * seconds:
            raise InvalidRequest(f"A span has up to {MOST_BUCKETS} buckets.", param="start_time")
        question = Question(
            account_id=account_meant(asked.visitor, query.account),
            start=start,
            stop=stop,
            by=() if query.group_by is None else (DIMENSIONS[query.group_by],),
            only={FILTERS["api_key_ids"]: query.api_key_ids, FILTERS["models"]: query.models},
        )
        errors = await self._timing.failures(question)
        timed = await self._timing.times(question, seconds=seconds)
        return UsageDetails(
            start_time=start,
            end_time=stop,
            rows_since=int(now) - self._row_days * DAY if self._row_days else None,
            errors=[ErrorCount(**one.__dict__) for one in errors],
            timings=_shown(timed, seconds),
        )


def _shown(timed: Timed, seconds: int) -> Timings:
    return Timings(
        rows=timed.rows,
        complete=timed.complete,
        since=timed.since,
        total=Timing(**_figures(timed.total)),
        buckets=[
            TimingBucket(start_time=start, end_time=start + seconds, **_figures(times))
            for start, times in timed.buckets.items()
        ],
        groups=[TimingGroup(value=value, **_figures(times)) for value, times in timed.groups.items()],
    )


def _figures(times: Times) -> dict[str, Any]:
    return times.__dict__
