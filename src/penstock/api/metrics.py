"""GET /metrics: the server's numbers, for Prometheus and whatever else reads its format."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from penstock.web.access import ADMIN_KEY
from penstock.web.answer import READING
from penstock.web.operation import Operation

PATH = "/metrics"
_OPEN_METRICS = "application/openmetrics-text"


class Taken(Collector):
    """Numbers as they were at one moment."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """The same ones, whenever it is asked."""
        return self._families


def operation() -> Operation:
    """What this route tells of itself."""
    return Operation(
        name="showMetrics",
        method="GET",
        path=PATH,
        summary="Show the server's numbers in the format of Prometheus, or in that of OpenMetrics",
        answer=str,
        media_type="text/plain",
        access=ADMIN_KEY,
    )


def metrics_router(registry: CollectorRegistry, *allowed: Callable[..., Any]) -> APIRouter:
    """The route; each of `allowed` lets through only who may see it."""
    router = APIRouter(dependencies=[Depends(one) for one in allowed])

    @router.api_route(PATH, methods=READING)
    async def show(request: Request) -> Response:
        """In the form of OpenMetrics where it is asked for, which Prometheus does."""
        # The library would render whatever version and escaping the client names, and fail on those that are none.
        open_metrics = _OPEN_METRICS in request.headers.get("accept", "")
        write, media_type = choose_encoder(f"{_OPEN_METRICS}; version=1.0.0" if open_metrics else "")
        # Numbers are taken on the event loop, which is what changes them; writing them out takes three times as long.
        body = await asyncio.to_thread(write, Taken(list(registry.collect())))
        return Response(body, media_type=media_type)

    return router
