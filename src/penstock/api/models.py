"""GET /v1/models and GET /v1/models/{id}: what this key may use."""

from typing import Any

from fastapi import APIRouter, Depends

from penstock.catalogue.workers import State, Worker, Workers
from penstock.errors import ModelNotFound


def models_router(workers: Workers, authenticated: Any) -> APIRouter:
    """The routes; `authenticated` is the dependency that lets only callers with a key through."""
    router = APIRouter(prefix="/v1/models", dependencies=[Depends(authenticated)])

    @router.get("")
    async def list_models() -> dict[str, Any]:
        """Every name that a request may give as `model`."""
        return {"object": "list", "data": [_render(name, worker) for name, worker in workers.named()]}

    @router.get("/{name:path}")
    async def show_model(name: str) -> dict[str, Any]:
        """One model; names contain slashes."""
        worker = workers.get(name)
        if worker is None:
            raise ModelNotFound(name)
        return _render(name, worker)

    return router


def _render(name: str, worker: Worker) -> dict[str, Any]:
    model = worker.model
    return {
        "id": name,
        "object": "model",
        "created": worker.created,
        "owned_by": model.owned_by or "penstock",
        "penstock": {
            "state": worker.state,
            "context_length": model.context_length,
            "max_output": model.max_output or model.context_length,
            "alias_of": model.id if name != model.id else None,
            "slots": worker.endpoint.slots if worker.endpoint and worker.state is State.READY else None,
        },
    }
