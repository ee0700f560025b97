"""GET /v1/models and GET /v1/models/{id}: what this key may use."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from penstock.catalogue.prices import PriceList
from penstock.catalogue.workers import Worker, Workers
from penstock.engines.engine import Abilities
from penstock.errors import ModelNotFound, UnknownUrl
from penstock.protocol.models import Ability, ModelCard, ModelDetails, ModelList, ModelPrice
from penstock.tenants.caller import Caller
from penstock.web.answer import READING, answered
from penstock.web.operation import Operation


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [
        Operation(
            name="listModels",
            method="GET",
            path="/v1/models",
            summary="List the models that this key may use",
            answer=ModelList,
        ),
        Operation(
            name="retrieveModel",
            method="GET",
            path="/v1/models/{name}",
            summary="Show one model",
            answer=ModelCard,
            errors=(ModelNotFound, UnknownUrl),  # a name that no URL can have
            parameters={"name": "The model's id. A slash in it is sent as it is."},
        ),
    ]


def models_router(workers: Workers, authenticated: Any, *, currency: str) -> APIRouter:
    """The routes; `authenticated` is the dependency that lets only callers with a key through."""
    router = APIRouter(prefix="/v1/models", dependencies=[Depends(authenticated)])

    @router.api_route("", methods=READING)
    async def list_models(request: Request) -> Response:
        """Every name that a request may give as `model`."""
        caller: Caller = request.scope["caller"]
        usable = [(name, worker) for name, worker in workers.named() if caller.may_use(worker.model.id)]
        return answered(ModelList(data=[_render(name, worker, currency) for name, worker in usable]))

    @router.api_route("/{name:path}", methods=READING)
    async def show_model(name: str, request: Request) -> Response:
        """One model; names contain slashes."""
        caller: Caller = request.scope["caller"]
        worker = workers.get(name)
        if worker is None or not caller.may_use(worker.model.id):
            raise ModelNotFound(name)
        return answered(_render(name, worker, currency))

    return router


def _render(name: str, worker: Worker, currency: str) -> ModelCard:
    model, endpoint = worker.model, worker.endpoint
    return ModelCard(
        id=name,
        created=worker.created,
        owned_by=model.owned_by or "penstock",
        penstock=ModelDetails(
            kind=model.kind,
            state=worker.state,
            context_length=model.context_length,
            max_output=(model.max_output or model.context_length) if model.kind == "chat" else None,
            abilities=_named(endpoint.abilities) if endpoint else None,
            dimensions=(endpoint.abilities.dimensions or None) if endpoint else None,
            alias_of=model.id if name != model.id else None,
            slots=endpoint.slots if endpoint else None,
            price=_price(model.price, currency) if model.price else None,
        ),
    )


def _price(price: PriceList, currency: str) -> ModelPrice:
    return ModelPrice(
        currency=currency,
        input=float(price.input),
        cached_input=float(price.cached),
        output=float(price.output),
    )


def _named(abilities: Abilities) -> list[Ability]:
    can: dict[Ability, bool] = {
        "structured_output": abilities.grammar,
        "tools": abilities.grammar or abilities.tools,
        "logprobs": abilities.logprobs,
        "reasoning_effort": abilities.reasoning_effort,
        "images": abilities.images,
        "token_prompts": abilities.vocabulary > 0,
    }
    return [name for name, able in can.items() if able]
