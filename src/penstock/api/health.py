"""GET /health and GET /ready: the two routes that need no key, for load balancers and scripts."""

from fastapi import APIRouter, Response

from penstock.api.drain import Drain
from penstock.catalogue.workers import Workers
from penstock.protocol.health import Health, Readiness
from penstock.web.access import OPEN
from penstock.web.answer import READING, answered
from penstock.web.operation import Operation


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [
        Operation(
            name="health", method="GET", path="/health", summary="Is the process up?", answer=Health, access=OPEN
        ),
        Operation(
            name="ready",
            method="GET",
            path="/ready",
            summary="Does a model answer?",
            answer=Readiness,
            more_answers={503: Readiness},
            access=OPEN,
        ),
    ]


def health_router(workers: Workers, drain: Drain) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.api_route("/health", methods=READING)
    async def health() -> Response:
        """The process is up."""
        return answered(Health())

    @router.api_route("/ready", methods=READING)
    async def ready() -> Response:
        """200 while at least one model answers and the server is not shutting down; else 503 with what it waits for."""
        states = {worker.model.id: str(worker.state) for _, worker in workers.named()}
        if drain.begun:
            return answered(Readiness("draining", states), 503, {"retry-after": "5"})
        if workers.any_ready:
            return answered(Readiness("ready", states))
        return answered(Readiness("loading", states), 503, {"retry-after": "1"})

    return router
