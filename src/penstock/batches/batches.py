"""The batches of an account: made, looked at, cancelled."""

import time
from collections.abc import Callable, Sequence
from typing import Literal

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.batches.batch import OVER, SHOWN, Batch
from penstock.batches.ids import new_batch_id
from penstock.database.connection import Database
from penstock.database.tables import batches, files
from penstock.errors import InvalidRequest, NotFound, RateLimited
from penstock.protocol.batches import BatchRequest, BatchStatus
from penstock.tenants.caller import Caller
from penstock.tenants.names import looks_like_id
from penstock.tenants.paging import Page, read_page

MOST_UNDER_WAY = 100
"""Batches of one account that are not over."""

_RETRY_SECONDS = 60.0

BatchSort = Literal["created_at", "expires_at", "total", "status"]


class Batches:
    """The batches of this server. `changed` is told when there is something to do for whoever runs them."""

    def __init__(
        self,
        database: Database,
        *,
        changed: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._changed = changed
        self._now = now

    async def create(self, caller: Caller, request: BatchRequest) -> Batch:
        """A new batch of an input file of the caller's account.

        Raises NotFound where there is no such file, InvalidRequest where it is no input, or RateLimited where too many
        are under way.
        """
        _check_metadata(request.metadata)
        now = self._now()
        hours = int(request.completion_window.removesuffix("h"))
        row = {
            "id": new_batch_id(),
            "account_id": caller.account_id,
            "project_id": caller.project_id,
            "key_id": caller.key_id,
            "endpoint": request.endpoint,
            "input_file_id": request.input_file_id,
            "completion_window": request.completion_window,
            "metadata": request.metadata,
            "status": "validating",
            "created_at": now,
            "expires_at": now + hours * 3600,
        }
        async with self._database.write() as connection:
            await _check_input(connection, caller.account_id, request.input_file_id, now)
            await _check_room(connection, caller.account_id)
            made = (await connection.execute(insert(batches).values(row).returning(*SHOWN))).one()
        self._changed()
        return Batch(*made)

    async def get(self, account_id: str, batch_id: str) -> Batch:
        """Raises NotFound where the account has no such batch."""
        async with self._database.read() as connection:
            return await _get(connection, account_id, batch_id)

    async def page(
        self,
        account_id: str,
        *,
        after: str | None = None,
        limit: int = 20,
        sort: BatchSort = "created_at",
        oldest_first: bool = False,
        statuses: Sequence[BatchStatus] = (),
        search: str = "",
    ) -> Page[Batch]:
        """The newest first unless asked otherwise, those in one of `statuses`, or with () all; `search` is part of the
        name of the input file. Raises InvalidRequest for an unknown cursor."""
        conditions = [batches.c.account_id == account_id]
        if statuses:
            conditions.append(batches.c.status.in_(statuses))
        if search:
            named = func.lower(files.c.filename).contains(search.lower(), autoescape=True)
            conditions.append(batches.c.input_file_id.in_(select(files.c.id).where(_own(account_id), named)))
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*SHOWN),
                batches,
                *conditions,
                after=after,
                limit=limit,
                by=batches.c[sort],
                oldest_first=oldest_first,
            )
        return Page([Batch(*row) for row in page.rows], page.has_more)

    async def input_names(self, account_id: str, found: Sequence[Batch]) -> dict[str, str]:
        """Input file -> its name, of those that are there."""
        ids = {batch.input_file_id for batch in found}
        query = select(files.c.id, files.c.filename).where(_own(account_id), files.c.id.in_(ids))
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return {row.id: row.filename for row in rows}

    async def cancel(self, account_id: str, batch_id: str) -> Batch:
        """Stop a batch; what is done of it is kept. One that is cancelled, or about to be, stays as it is.

        Raises NotFound, or InvalidRequest where it is over in another way, or about to be.
        """
        async with self._database.write() as connection:
            batch = await _get(connection, account_id, batch_id)
            if batch.status in ("cancelling", "cancelled"):
                return batch
            if batch.status not in ("validating", "in_progress"):
                raise InvalidRequest(f"The batch is {batch.status}: only one that is under way can be cancelled.")
            # Without its runner: whoever validates it finds that it is somebody else's now.
            values = {"status": "cancelling", "ends_as": "cancelled", "cancelling_at": self._now(), "runner_id": None}
            cancelling = update(batches).where(batches.c.id == batch_id).values(values).returning(*SHOWN)
            row = (await connection.execute(cancelling)).one()
        self._changed()
        return Batch(*row)


def _own(account_id: str) -> ColumnElement[bool]:
    """Of a file of this account that nobody deleted."""
    return (files.c.account_id == account_id) & files.c.deleted_at.is_(None)


def _check_metadata(metadata: dict[str, str] | None) -> None:
    """What no database can keep is refused here; the other bounds are those of the request's type."""
    if any("\0" in text for pair in (metadata or {}).items() for text in pair):
        raise InvalidRequest("metadata has a NUL character in it.", param="metadata")


async def _check_input(connection: AsyncConnection, account_id: str, file_id: str, now: float) -> None:
    purpose = None
    if looks_like_id(file_id):
        query = select(files.c.purpose).where(
            files.c.id == file_id,
            files.c.account_id == account_id,
            files.c.deleted_at.is_(None),
            or_(files.c.expires_at.is_(None), files.c.expires_at > now),
        )
        purpose = (await connection.execute(query)).scalar_one_or_none()
    if purpose is None:
        raise NotFound("There is no such input file. POST /v1/files makes one, with the purpose batch.")
    if purpose != "batch":
        raise InvalidRequest("The input of a batch is a file with the purpose batch.", param="input_file_id")


async def _check_room(connection: AsyncConnection, account_id: str) -> None:
    counting = select(func.count()).where(batches.c.account_id == account_id, batches.c.status.not_in(OVER))
    if (await connection.execute(counting)).scalar_one() >= MOST_UNDER_WAY:
        message = f"{MOST_UNDER_WAY} batches of this account are under way. Wait until one is over, or cancel one."
        raise RateLimited(message, limit="batches", retry_after=_RETRY_SECONDS)


async def _get(connection: AsyncConnection, account_id: str, batch_id: str) -> Batch:
    row = None
    if looks_like_id(batch_id):
        own = (batches.c.id == batch_id, batches.c.account_id == account_id)
        row = (await connection.execute(select(*SHOWN).where(*own))).one_or_none()
    if row is None:
        raise NotFound("There is no such batch.")
    return Batch(*row)
