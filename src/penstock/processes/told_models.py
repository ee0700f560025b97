"""The models of an API process: as the owner tells of them, and none ready while it is away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from penstock.catalogue.models import Catalogue, Model
from penstock.catalogue.workers import State
from penstock.engines.engine import Endpoint, Engine
from penstock.processes.messages import EngineTold, Models, Pulse
from penstock.protocol.price import Price


@dataclass(eq=False)
class ToldModel:
    """One model."""

    model: Model
    engine: Engine
    """Phrases requests; the process of this kind is the owner's."""
    price: Price
    state: State = State.LOADING
    endpoint: Endpoint | None = None
    number: int = 0
    """Of the engine process."""


class ToldModels:
    """All served models, found by any of their names."""

    def __init__(self, catalogue: Catalogue, models: Iterable[Model], engine_of: Callable[[Model], Engine]) -> None:
        self._models = {
            model.id: ToldModel(model, engine_of(model), model.price.per_token() if model.price else Price())
            for model in models
        }
        self._by_name = {name: told for id_, told in self._models.items() for name in catalogue.names_of(id_)}

    def get(self, name: str) -> ToldModel | None:
        return self._by_name.get(name)

    def number_of(self, endpoint: Endpoint) -> int:
        """The number of an engine; 0, which is none, where it has ended."""
        told = self._models[endpoint.model]
        return told.number if told.endpoint is endpoint else 0

    def hear(self, said: Models) -> None:
        """What the owner says of all of them."""
        for each in said.models:
            told = self._models[each.id]
            told.state, told.price = State(each.state), each.price
            if each.engine is None:
                told.endpoint, told.number = None, 0
            elif each.engine.number != told.number:
                told.endpoint, told.number = _endpoint(told, each.engine), each.engine.number

    def owner_gone(self) -> None:
        """No engine outlives it."""
        for told in self._models.values():
            told.state, told.endpoint, told.number = State.LOADING, None, 0

    def pulses(self) -> list[Pulse]:
        """What is seen here of each engine."""
        return [
            Pulse(told.number, pulse.waiting > 0, pulse.idle_seconds(), pulse.hung)
            for told in self._models.values()
            if told.endpoint is not None and (pulse := told.endpoint.pulse)
        ]


def _endpoint(told: ToldModel, engine: EngineTold) -> Endpoint:
    return Endpoint(
        model=told.model.id,
        url=engine.url,
        served_name=told.model.id,
        api_key=engine.api_key,
        engine=told.engine,
        slots=engine.slots,
        context_length=engine.context_length,
        max_output=engine.max_output,
        abilities=engine.abilities,
        price=told.price,
    )
