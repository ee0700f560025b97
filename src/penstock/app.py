"""The only place that constructs: from settings to a running server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.registry import Collector

from penstock.api.admin.routes import admin_router
from penstock.api.admin.settings import AdminSettings
from penstock.api.asgi import Front
from penstock.api.cold import build_cold_plane
from penstock.api.console_usage import account_usage_router
from penstock.api.drain import Drain
from penstock.api.gauges import Gauges
from penstock.api.health import health_router
from penstock.api.later import later_router
from penstock.api.metrics import metrics_router
from penstock.api.models import models_router
from penstock.api.openapi import openapi_router
from penstock.api.openapi import operations as api_operations
from penstock.api.routes import also, error_forms, hot_routes
from penstock.api.transport.connection import Connection
from penstock.api.usage import usage_router
from penstock.batches.line_requests import LineRequests, Receipts
from penstock.batches.runner import BatchRunner, EngineDoor
from penstock.catalogue.engine import engine_for
from penstock.catalogue.models import Catalogue, Model
from penstock.catalogue.pull import Progress, pull
from penstock.catalogue.store import ModelStore
from penstock.catalogue.tuning import TuningStore
from penstock.catalogue.workers import Worker, Workers
from penstock.console.code import Snippets
from penstock.console.engines import Engines
from penstock.console.home import Home
from penstock.console.keys import OwnKeys
from penstock.console.limits import OwnLimits
from penstock.console.live import Live
from penstock.console.log_in import SigningIn
from penstock.console.models import ServedModels
from penstock.console.pages import Pages
from penstock.console.password import OwnPassword
from penstock.console.requests import RequestLog
from penstock.console.routes import console_router
from penstock.console.routes import operations as console_operations
from penstock.console.sessions import OwnSessions
from penstock.console.setup import SettingUp
from penstock.console.watch import Lookout
from penstock.database.schema import migrate
from penstock.engines.engine import Engine
from penstock.engines.grammar import GrammarCompiler
from penstock.engines.relay import Relay
from penstock.inference.admission import Admission
from penstock.inference.completion import Inference
from penstock.inference.form import Shaper
from penstock.inference.meter import InFlight, Meter
from penstock.inference.request_metrics import RequestMetrics
from penstock.inference.route import Router
from penstock.parts import closing, connecting, keeping, knowing, limiting, recording, served_models
from penstock.processes.guest import Once
from penstock.processes.hall import Hall
from penstock.settings import DEFAULT_MODEL, Origins, Settings, described
from penstock.tenants.limits import Limiter
from penstock.tenants.setup import Setup
from penstock.tenants.tenants import Tenants
from penstock.tenants.tries import Tries
from penstock.web.access import ADMIN_KEY, ANY_KEY
from penstock.web.gate import Gate
from penstock.web.operation import Operation

EngineOf = Callable[[Model], Engine]


@dataclass(frozen=True)
class Listener:
    """Whom the server tells what its models are doing; the terminal, as a rule."""

    pulling: Callable[[Model, Progress], None]
    changed: Callable[[Worker], None]


@dataclass(frozen=True)
class Penstock:
    """A running server: `front` is its ASGI application, `metrics` the one that shows its numbers to anybody.

    `connections` is where the listener of `front` keeps what is open, for it is one of these numbers.
    """

    front: Front
    metrics: Front
    connections: set[Connection]
    workers: Workers
    drain: Drain
    setup: Setup
    once: Once

    @property
    def chats(self) -> bool:
        """Whether one of its models can be talked to."""
        return any(worker.model.kind == "chat" for worker in self.workers.all())


@asynccontextmanager
async def running(
    settings: Settings,
    listener: Listener,
    *,
    engine_of: EngineOf | None = None,
    origins: Origins | None = None,
    hall: Hall | None = None,
) -> AsyncIterator[Penstock]:
    """Everything started: database, ledger and engines; everything ended in the opposite order.

    `engine_of` gives a model's engine in place of the one that its entry names; `origins` is of the settings; `hall`
    is where API processes will ask this one.
    """
    origins = origins or Origins()
    catalogue, models = served_models(settings)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(connecting(settings))
        await migrate(database)
        ledger = await stack.enter_async_context(recording(settings, database))
        tenants = await stack.enter_async_context(knowing(settings, database))
        limiter = await stack.enter_async_context(limiting(settings))
        relay = await stack.enter_async_context(closing(Relay(stall_seconds=settings.stall_seconds)))
        engine_of = engine_of or partial(engine_for, tunings=TuningStore(settings.data_path / "tuning"))
        engines = {model.id: engine_of(model) for model in models}
        workers = await stack.enter_async_context(_working(settings, catalogue, models, engines, relay, listener))
        blobs = await stack.enter_async_context(keeping(settings, database))

        drain, connections = Drain(), set[Connection]()
        gate = Gate(tenants.callers, tenants.sessions, tenants.console_callers)
        grammars = await stack.enter_async_context(closing(GrammarCompiler()))
        admission, requests = Admission(), RequestMetrics(model.id for model in models)
        in_flight, others = (InFlight(), None) if hall is None else (hall.in_flight, hall.said)
        metered = partial(Inference, Router(workers), Shaper(grammars), limiter, admission, relay)
        inference = metered(Meter(ledger, requests, in_flight))
        receipts = Receipts(ledger)
        lines = LineRequests(metered(Meter(receipts, in_flight=in_flight)), receipts)
        doors = [EngineDoor(worker, admission, lambda: drain.begun) for worker in workers.all()]
        knows = (database, blobs, tenants.callers, limiter, lines, doors)
        runner = BatchRunner.of(*knows, counted=requests.lines, lease_seconds=settings.batch_lease_seconds)
        await stack.enter_async_context(runner.running())

        gauges = Gauges(workers, admission, drain, connections=connections, ledger=ledger, others=others)
        registry = _registry(requests, gauges)
        later = later_router(gate, database, blobs, runner.wake)
        told = AdminSettings(database, described(settings, origins), settings.data_path, origins.file)
        known = (settings, told, gate, tenants, limiter, inference, admission, in_flight, hall)
        front = _front(_Services(*known, workers=workers, later=later, registry=registry, drain=drain))
        metrics = Front({}, build_cold_plane(metrics_router(registry)), Drain())
        once = Once(limiter, admission, ledger, requests, tenants.last_use)
        yield Penstock(front, metrics, connections, workers, drain, tenants.setup, once)


@asynccontextmanager
async def _working(
    settings: Settings,
    catalogue: Catalogue,
    models: list[Model],
    engines: dict[str, Engine],
    relay: Relay,
    listener: Listener,
) -> AsyncIterator[Workers]:
    """The workers of all models, started."""
    data, stop = settings.data_path, threading.Event()
    store = ModelStore(data / "models")
    workers = Workers(
        Worker(
            model,
            catalogue.names_of(model.id),
            engines[model.id],
            relay,
            pull=partial(_pull, model, store, listener, stop),
            log_path=data / "logs" / f"{model.id.replace('/', '--')}.log",
            stall_seconds=settings.stall_seconds,
            changed=listener.changed,
        )
        for model in models
    )
    workers.start()
    try:
        yield workers
    finally:
        stop.set()
        await workers.stop()


def _registry(*collectors: Collector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=True)
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


@dataclass(frozen=True)
class _Services:
    """What the routes are made of."""

    settings: Settings
    told: AdminSettings
    gate: Gate
    tenants: Tenants
    limiter: Limiter
    inference: Inference
    admission: Admission
    in_flight: InFlight
    hall: Hall | None
    workers: Workers
    later: APIRouter
    registry: CollectorRegistry
    drain: Drain

    def ending(self) -> bool:
        """Whether the server is on its way down."""
        return self.drain.begun

    def cancel(self, request_id: str) -> bool:
        """Break a request off, whichever process it runs in; False where none knows of it."""
        return self.drain.cancel(request_id) or (self.hall is not None and self.hall.cancel(request_id))

    async def authenticated(self, request: Request) -> None:
        """Raises unless the request has a key."""
        await self.gate.caller(request.scope, ANY_KEY)

    async def administrator(self, request: Request) -> None:
        """Raises unless it has one of an administrator."""
        await self.gate.caller(request.scope, ADMIN_KEY)


def _front(of: _Services) -> Front:
    gate, tenants, pages = of.gate, of.tenants, Pages()
    currency, row_days = of.settings.currency, of.settings.usage_days
    hot = hot_routes(gate, of.inference, ping_seconds=of.settings.ping_seconds)
    cold = build_cold_plane(
        models_router(of.workers, of.authenticated, currency=currency),
        of.later,
        usage_router(tenants.usage, gate.caller, currency=currency, row_days=row_days),
        account_usage_router(gate, tenants, currency=currency, row_days=row_days),
        openapi_router(of.authenticated, operations()),
        metrics_router(of.registry, of.administrator),
        health_router(of.workers, of.drain),
        admin_router(gate, tenants, of.told),
        _console(of),
        pages.router(),
        lost=pages.lost,
    )
    return Front(hot, cold, of.drain, limiter=of.limiter, errors=error_forms(), also=also())


def operations() -> list[Operation]:
    """What every route of this server tells of itself."""
    return [*api_operations(), *console_operations()]


def _console(of: _Services) -> APIRouter:
    settings, tenants, workers = of.settings, of.tenants, of.workers
    accounts, setup, sessions, tries = tenants.accounts, tenants.setup, tenants.sessions, Tries()
    lookout = Lookout(workers, of.admission, of.in_flight, ending=of.ending)
    served = (worker.model.id for worker in workers.all())
    return console_router(
        of.gate,
        SettingUp(setup, sessions, Tries(), signup=settings.signup),
        SigningIn(accounts, tenants.invitations, setup, sessions, tries, sign_ups=Tries(), signup=settings.signup),
        OwnSessions(sessions),
        OwnPassword(accounts, tries),
        OwnKeys(tenants.keys, tenants.usage),
        OwnLimits(tenants.plans, of.limiter, served, currency=settings.currency),
        Snippets(next(iter(settings.serve), DEFAULT_MODEL)),
        Home(tenants.keys, tenants.usage),
        Live(lookout, of.in_flight, sessions, tenants.audit, cancel=of.cancel, ending=of.ending),
        ServedModels(workers, of.admission, tenants.audit),
        Engines(workers, of.admission, settings.data_path),
        RequestLog(tenants.requests, currency=settings.currency),
    )


async def _pull(
    model: Model, store: ModelStore, listener: Listener, stop: threading.Event, progressed: Callable[[Progress], None]
) -> Path | None:
    if not model.source:
        return None

    def tell(progress: Progress) -> None:
        progressed(progress)
        listener.pulling(model, progress)

    return await asyncio.to_thread(pull, model, store, progress=tell, stop=stop)
