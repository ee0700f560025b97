"""/api/models: the models of this server as they are; for administrators, how to start, to stop and to see into one."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.catalogue.workers import Worker, Workers
from penstock.errors import NotFound
from penstock.inference.admission import Admission, Load
from penstock.tenants.audit import AuditLog
from penstock.tenants.caller import Caller
from penstock.web.access import ACTING, ADMIN
from penstock.web.routing import Asked, Routing, route
from penstock.web.wanted import Id

LOG_BYTES = 64 << 10
"""The end of a log that is shown."""


class Pulled(Struct, kw_only=True):
    """How far the download of a model's file is, in bytes; a total of 0 is unknown."""

    stage: Literal["downloading", "verifying", "ready"]
    received_bytes: int
    total_bytes: int


class ModelShown(Struct, kw_only=True):
    """One model."""

    id: str
    object: Literal["served_model"] = "served_model"
    names: tuple[str, ...]
    """Every name that a request may give."""
    kind: Literal["chat", "embedding"]
    engine: str
    state: Literal["pulling", "loading", "ready", "failed", "stopped"]
    reason: str
    """What went wrong last; empty where nothing did."""
    pulled: Pulled | None
    context_length: int
    """Tokens of prompt and answer together."""
    max_output: int
    """Tokens of one answer, by the plan of whoever asks."""
    parameters: str
    quantization: str
    slots: int
    """Requests that run at once; 0 while it is not ready."""
    busy: int
    waiting: int
    tokens_per_second: float | None
    """Of one request, read and written, over the last twenty or so; null before one has ended."""


class ServedModelList(Struct, kw_only=True):
    """All of them; no pages."""

    object: Literal["list"] = "list"
    data: list[ModelShown]


class OneModel(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which model."""

    id: Id


class LogQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whose log, and how much of its end."""

    id: Id
    bytes: Annotated[int, Meta(ge=1, le=LOG_BYTES)] = LOG_BYTES


class LogShown(Struct, kw_only=True):
    """The end of what an engine wrote."""

    object: Literal["log"] = "log"
    id: str
    text: str


LIST = route(
    "GET", "/api/models", "listServedModels", "Show the models as they are", answer=ServedModelList, access=ACTING
)
_PATH = "/api/admin/models"
START = route(
    "POST",
    f"{_PATH}/start",
    "startModel",
    "Start a model that was stopped or has failed",
    request=OneModel,
    answer=ModelShown,
    access=ADMIN,
    errors=(NotFound,),
)
STOP = route(
    "POST",
    f"{_PATH}/stop",
    "stopModel",
    "Stop a model on this server, until it is started; what it was doing breaks off",
    request=OneModel,
    answer=ModelShown,
    access=ADMIN,
    errors=(NotFound,),
)
LOG = route(
    "GET",
    f"{_PATH}/log",
    "showModelLog",
    "Show the end of a model's log",
    query=LogQuery,
    answer=LogShown,
    access=ADMIN,
    errors=(NotFound,),
)


class ServedModels:
    """The routes."""

    operations = (LIST, START, STOP, LOG)

    def __init__(self, workers: Workers, admission: Admission, audit: AuditLog) -> None:
        self._workers = workers
        self._admission = admission
        self._audit = audit

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(START, self.start)
        routing.add(STOP, self.stop)
        routing.add(LOG, self.log)

    async def list(self, asked: Asked) -> Struct:
        caller = asked.caller
        usable = [worker for worker in self._workers.all() if caller.may_use(worker.model.id)]
        return ServedModelList(data=[self._shown(worker, caller) for worker in usable])

    async def start(self, asked: Asked) -> Struct:
        worker = self._worker((await asked.body(OneModel)).id)
        await self._audit.add(asked.visitor.actor, "model.start", worker.model.id)
        worker.start()
        return self._shown(worker)

    async def stop(self, asked: Asked) -> Struct:
        worker = self._worker((await asked.body(OneModel)).id)
        await self._audit.add(asked.visitor.actor, "model.stop", worker.model.id)
        await worker.stop()
        return self._shown(worker)

    async def log(self, asked: Asked) -> Struct:
        query = asked.query(LogQuery)
        worker = self._worker(query.id)
        return LogShown(id=worker.model.id, text=await asyncio.to_thread(_end_of, worker.log_path, query.bytes))

    def _worker(self, model_id: str) -> Worker:
        found = self._workers.get(model_id)
        if found is None:
            raise NotFound("No such model is served here.")
        return found

    def _shown(self, worker: Worker, caller: Caller | None = None) -> ModelShown:
        model, endpoint, pulled = worker.model, worker.endpoint, worker.progress
        load = Load() if endpoint is None else self._admission.load(endpoint)
        bound = None if caller is None else caller.bounds_of(model.id).max_output
        most = model.max_output or model.context_length
        return ModelShown(
            id=model.id,
            names=worker.names,
            kind=model.kind,
            engine=model.engine,
            state=worker.state.value,
            reason=worker.reason,
            pulled=None if pulled is None else Pulled(**pulled.__dict__),
            context_length=model.context_length,
            max_output=most if bound is None else min(most, bound),
            parameters=model.parameters,
            quantization=model.quantization,
            slots=0 if endpoint is None else endpoint.slots,
            busy=load.busy,
            waiting=sum(load.waiting),
            tokens_per_second=load.tokens_per_second,
        )


def _end_of(path: Path, most: int) -> str:
    """The last whole lines of a file that has them, at most so many bytes; blocks."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - most))
            text = log.read(most).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return text if size <= most else text.partition("\n")[2]
