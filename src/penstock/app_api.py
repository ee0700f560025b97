"""One API process of several: from settings to the hot routes alone. Engines, limits and the ledger are the owner's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from penstock.api.asgi import Front
from penstock.api.drain import Drain
from penstock.api.routes import error_forms, key_routes
from penstock.api.transport.connection import Connection
from penstock.catalogue.engine import engine_for
from penstock.catalogue.tuning import TuningStore
from penstock.engines.grammar import GrammarCompiler
from penstock.engines.relay import Relay
from penstock.inference.completion import Inference
from penstock.inference.form import Shaper
from penstock.inference.meter import InFlight, Meter
from penstock.inference.route import Router
from penstock.parts import FLUSH_SECONDS, cancel, closing, connecting, knowing, served_models
from penstock.processes.asked_limits import AskedLimits
from penstock.processes.asked_places import AskedAdmission
from penstock.processes.guest import NOW_SECONDS
from penstock.processes.hand_on import HandOn, refused
from penstock.processes.handing import Handing, ToldUses
from penstock.processes.link import Link
from penstock.processes.messages import Cancel, Flights, Look, Models, Now, Ready
from penstock.processes.told_entry import flight_of
from penstock.processes.told_models import ToldModels
from penstock.settings import Settings
from penstock.tenants.spool import Spool
from penstock.web.gate import Gate


@dataclass(frozen=True)
class ApiProcess:
    """A running API process: `front` is its ASGI application, and `connections` where its listener keeps what is
    open."""

    front: HandOn
    connections: set[Connection]
    drain: Drain
    listens: Callable[[], None]
    """To be called once its listener takes connections."""


class _Inside:
    """Where the owner listens for what is handed on."""

    def __init__(self) -> None:
        self.port = 0

    def hear(self, said: Models) -> None:
        self.port = said.inside

    def owner_gone(self) -> None:
        self.port = 0


@asynccontextmanager
async def running_api(settings: Settings, *, name: str, owner: Path, secret: str) -> AsyncIterator[ApiProcess]:
    """Everything started, and the owner found at the Unix socket `owner`; `secret` opens its listener inside."""
    catalogue, served = served_models(settings)
    async with AsyncExitStack() as stack:
        link, inside = Link(owner, process=name), _Inside()
        models = ToldModels(catalogue, served, partial(engine_for, tunings=TuningStore(settings.data_path / "tuning")))
        drain, in_flight, connections = Drain(), InFlight(), set[Connection]()
        told = asyncio.Event()

        def hear_models(said: Models) -> None:
            models.hear(said)
            inside.hear(said)
            told.set()

        link.hear(Models, hear_models)
        link.hear(Look, lambda _: link.tell(Flights([flight_of(entry) for entry in in_flight.entries()])))
        link.hear(Cancel, lambda said: drain.cancel(said.request_id))
        link.when_lost(models.owner_gone)
        link.when_lost(inside.owner_gone)
        await stack.enter_async_context(_beside(link.run(), name="link to the owner"))
        await told.wait()  # which has the database in order by then

        database = await stack.enter_async_context(connecting(settings))
        handing = await stack.enter_async_context(_handing(settings, link))
        tenants = await stack.enter_async_context(knowing(settings, database, last_use=ToldUses(link)))
        relay = await stack.enter_async_context(closing(Relay(stall_seconds=settings.stall_seconds)))
        grammars = await stack.enter_async_context(closing(GrammarCompiler()))

        limits, admission = AskedLimits(link), AskedAdmission(link, models)
        meter = Meter(handing, handing, in_flight)
        inference = Inference(Router(models), Shaper(grammars), limits, admission, relay, meter)
        gate = Gate(tenants.callers, tenants.sessions, tenants.console_callers)
        routes = key_routes(gate, inference, ping_seconds=settings.ping_seconds)
        front = Front(routes, refused, drain, limiter=limits, errors=error_forms())

        def now() -> Now:
            seconds = 0.0
            with suppress(OSError):  # the spool cannot be read; how many wait in it is known all the same
                seconds = handing.lag().seconds
            return Now(len(connections), drain.under_way, handing.waiting_rows, seconds, models.pulses())

        await stack.enter_async_context(_beside(_tell(link, now), name="how this process is"))
        hand_on = HandOn(front, routes, secret=secret, port=lambda: inside.port)
        yield ApiProcess(hand_on, connections, drain, listens=lambda: link.tell(Ready()))


async def _tell(link: Link, now: Callable[[], Now]) -> None:
    while True:
        link.tell(now())
        await asyncio.sleep(NOW_SECONDS)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await cancel(task)


@asynccontextmanager
async def _handing(settings: Settings, link: Link) -> AsyncIterator[Handing]:
    """The way to the ledger; at the end what was recorded goes there yet, or waits for the next process."""
    spool = Spool(settings.data_path / "spool")
    spool.open()
    handing = Handing(spool, link)
    async with _beside(handing.run(), name="rows for the owner"):
        yield handing
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await handing.flushed()
    spool.close()
