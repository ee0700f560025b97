"""Which engine answers for a model name."""

from typing import Protocol

from penstock.catalogue.models import Model
from penstock.catalogue.workers import State
from penstock.engines.engine import Endpoint
from penstock.errors import ModelFailed, ModelLoading, ModelNotFound, ModelUnavailable
from penstock.protocol.price import Price
from penstock.tenants.caller import Caller

_RETRY_PULL_SECONDS = 15
_RETRY_LOAD_SECONDS = 2
_RETRY_STOPPED_SECONDS = 30
_RETRY_FAILED_SECONDS = 120


class Served(Protocol):
    """A model that is served, here or in another process."""

    @property
    def model(self) -> Model: ...

    @property
    def price(self) -> Price: ...

    @property
    def state(self) -> State: ...

    @property
    def endpoint(self) -> Endpoint | None:
        """None while it does not answer."""


class AllServed(Protocol):
    """All of them."""

    def get(self, name: str) -> Served | None:
        """The one that answers to this name."""


class Router:
    """Finds the endpoint of a model."""

    def __init__(self, workers: AllServed) -> None:
        self._workers = workers

    def find(self, name: str, caller: Caller | None = None) -> Served:
        """The worker whose model answers to `name`, whether it is ready or not.

        Raises ModelNotFound, in the same words where the caller may not use the model.
        """
        worker = self._workers.get(name)
        if worker is None or (caller is not None and not caller.may_use(worker.model.id)):
            raise ModelNotFound(name)
        return worker

    def pick(self, name: str) -> Endpoint:
        """The endpoint that answers for `name`. Raises ModelNotFound, ModelLoading or ModelUnavailable."""
        return self.ready(self.find(name), name)

    def ready(self, worker: Served, name: str) -> Endpoint:
        """The endpoint of a worker that was found by `name`. Raises what `pick` does."""
        if worker.endpoint is not None:
            return worker.endpoint
        if worker.state is State.FAILED:
            message = f"The engine of {name} failed. Whoever runs this server finds the reason in its log."
            raise ModelFailed(message, retry_after=_RETRY_FAILED_SECONDS)
        if worker.state is State.STOPPED:
            raise ModelUnavailable(f"{name} is stopped.", retry_after=_RETRY_STOPPED_SECONDS)
        pulling = worker.state is State.PULLING
        message = f"The file of {name} is being downloaded." if pulling else f"{name} is loading."
        raise ModelLoading(message, retry_after=_RETRY_PULL_SECONDS if pulling else _RETRY_LOAD_SECONDS)
