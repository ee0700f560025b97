"""GET /health and GET /ready: the two routes that need no key, for load balancers and scripts."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from penstock.api.drain import Drain
from penstock.catalogue.workers import Workers


def health_router(workers: Workers, drain: Drain) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> dict[str, Any]:
        """The process is up."""
        return {"status": "ok"}

    @router.api_route("/ready", methods=["GET", "HEAD"])
    async def ready() -> JSONResponse:
        """200 while at least one model answers and the server is not shutting down; else 503 with what it waits for."""
        states = {worker.model.id: worker.state for _, worker in workers.named()}
        if drain.begun:
            return JSONResponse({"status": "draining", "models": states}, 503, {"retry-after": "5"})
        if workers.any_ready:
            return JSONResponse({"status": "ready", "models": states})
        return JSONResponse({"status": "loading", "models": states}, 503, {"retry-after": "1"})

    return router
