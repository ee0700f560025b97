"""What every process of a server is put together from: the models it serves, and blocks that start and end a part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar

from penstock.batches.blobs import Blobs
from penstock.batches.janitor import Janitor
from penstock.batches.staging import Staging
from penstock.catalogue.models import Catalogue, Model, load_catalogue, why_not_here
from penstock.database.connection import Database
from penstock.errors import OperatorError
from penstock.settings import Settings
from penstock.tenants.last_use import LastUse
from penstock.tenants.ledger import Ledger
from penstock.tenants.limits import Limiter
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.pepper import load_pepper
from penstock.tenants.retention import Retention
from penstock.tenants.spool import Spool
from penstock.tenants.tenants import Tenants

FLUSH_SECONDS = 3.0
"""How long a shutdown waits for a database that is away."""


class Closes(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=Closes)


def served_models(settings: Settings) -> tuple[Catalogue, list[Model]]:
    """The catalogue, and the models to serve. Raises OperatorError for one that cannot run here, saying why."""
    catalogue = load_catalogue(settings.models, settings.aliases)
    models = {model.id: model for model in map(catalogue.get, settings.serve)}
    for model in models.values():
        if reason := why_not_here(model):
            raise OperatorError(reason)
    return catalogue, list(models.values())


@asynccontextmanager
async def closing(what: C) -> AsyncIterator[C]:
    """What is to be closed at the end."""
    try:
        yield what
    finally:
        await what.close()


@asynccontextmanager
async def connecting(settings: Settings) -> AsyncIterator[Database]:
    """The database, open."""
    database = Database(settings.database)
    await database.connect()
    async with closing(database):
        yield database


@asynccontextmanager
async def recording(settings: Settings, database: Database) -> AsyncIterator[Ledger]:
    """The ledger, and what keeps it short; at the end it writes what it can to the database yet."""
    spool = Spool(settings.data_path / "spool")
    spool.open()
    ledger = Ledger(database, spool)
    writing = asyncio.create_task(ledger.run(), name="ledger")
    pruning = asyncio.create_task(Retention(database, days=settings.usage_days).run(), name="retention")
    try:
        yield ledger
    finally:
        await cancel(pruning)
        await _finish_ledger(ledger, writing)
        spool.close()


@asynccontextmanager
async def keeping(settings: Settings, database: Database) -> AsyncIterator[Blobs]:
    """The bodies of files, and what clears away those that nobody needs."""
    blobs = Blobs.at(settings.files_url, settings.data_path / "files")
    staging = None if blobs.folder is None else Staging(blobs.folder)
    if staging is not None:
        await asyncio.to_thread(staging.take)
    sweeping = asyncio.create_task(Janitor(database, blobs, staging).run(), name="janitor of files")
    try:
        yield blobs
    finally:
        await cancel(sweeping)
        if staging is not None:
            staging.release()


@asynccontextmanager
async def knowing(settings: Settings, database: Database, *, last_use: LastUse | None = None) -> AsyncIterator[Tenants]:
    """Who may do what; at the end it is noted which keys were used, with `last_use` where another process writes it."""
    pepper = load_pepper(settings.data_path)
    plans, default_plan = settings.plans, settings.default_plan
    tenants = Tenants.of(database, pepper, own_plans=plans, default_plan=default_plan, last_use=last_use)
    await tenants.plans.check_default()
    noting = asyncio.create_task(tenants.last_use.run(), name="last use of keys")
    try:
        yield tenants
    finally:
        await _finish_last_use(tenants.last_use, noting)


@asynccontextmanager
async def limiting(settings: Settings) -> AsyncIterator[Limiter]:
    """What keeps the limits: this process, or a store that several servers share."""
    if not settings.valkey_url:
        yield MemoryLimits()
        return
    # Only here, as the client is of weight and most never need it.
    from penstock.tenants.valkey_limits import ValkeyLimits
    from penstock.tenants.valkey_store import ValkeyStore

    limits = ValkeyLimits(ValkeyStore(settings.valkey_url))
    await limits.start()
    try:
        yield limits
    finally:
        await limits.close()


async def _finish_last_use(last_use: LastUse, noting: asyncio.Task[None]) -> None:
    noting.cancel()
    await asyncio.wait({noting})
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await last_use.flush()


async def _finish_ledger(ledger: Ledger, writing: asyncio.Task[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await ledger.flushed()
    await cancel(writing)


async def cancel(task: asyncio.Task[None]) -> None:
    """End a task, and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})
