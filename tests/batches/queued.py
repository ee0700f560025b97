"""A batch in the database with lines that wait, made without a server; and rows as a request would leave them."""

import time
from typing import Any

from entries import ROW
from msgspec.structs import replace
from sqlalchemy import func, insert, select
from tenancy import OPERATOR, tenants_of

from penstock.batches.batch import SHOWN, Batch
from penstock.batches.blobs import Blobs
from penstock.batches.claims import Claim
from penstock.batches.file import blob_of, new_file_id
from penstock.batches.ids import new_batch_id
from penstock.batches.results import Done
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches, files, usage, usage_hourly

LINE_ROW = replace(
    ROW, created_at=1_790_000_000.0, streamed=False, prompt_tokens=5, cached_tokens=2, completion_tokens=3, batch=True
)


async def put_file(database: Database, blobs: Blobs, account_id: str, body: bytes, **values: Any) -> str:
    """A file with this body; its id."""
    file_id = new_file_id()
    async with blobs.writing(blob_of(file_id)) as writer:
        await writer.write(body)
    row = {
        "id": file_id,
        "account_id": account_id,
        "filename": "input.jsonl",
        "purpose": "batch",
        "bytes": len(body),
        "created_at": time.time(),
        "blob": blob_of(file_id),
        **values,
    }
    async with database.write() as connection:
        await connection.execute(insert(files).values(row))
    return file_id


async def put_batch(database: Database, account_id: str, file_id: str, lines: int = 0, **values: Any) -> Batch:
    """A batch that is in progress with so many lines, or whatever `values` say; made by a new key of the account."""
    key, _ = await tenants_of(database).keys.create("tests", account_id=account_id, by=OPERATOR)
    now = time.time()
    row = {
        "id": new_batch_id(),
        "account_id": account_id,
        "key_id": key.id,
        "endpoint": "/v1/chat/completions",
        "input_file_id": file_id,
        "completion_window": "24h",
        "status": "in_progress",
        "created_at": now,
        "in_progress_at": now,
        "expires_at": now + 86_400,
        "total": lines,
        **values,
    }
    async with database.write() as connection:
        made = (await connection.execute(insert(batches).values(row).returning(*SHOWN))).one()
        if lines:
            await connection.execute(
                insert(batch_lines), [_line(row["id"], number, **values) for number in range(1, lines + 1)]
            )
    return Batch(*made)


def _line(batch_id: str, number: int, **_: Any) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "line": number,
        "custom_id": f"line-{number}",
        "model": "echo",
        "prefix": number % 2,
        "position": 0,
        "size": 0,
    }


def done(claim: Claim, account_id: str, *, status: int = 200) -> Done:
    """What a line that went well, or was refused, leaves."""
    row = replace(LINE_ROW, request_id=claim.request_id, account_id=account_id)
    return Done(claim, status, f'{{"line":{claim.line}}}', row if status == 200 else None)


async def states(database: Database, batch_id: str) -> dict[str, int]:
    """State -> how many lines of a batch are in it."""
    query = select(batch_lines.c.state, func.count()).where(batch_lines.c.batch_id == batch_id)
    async with database.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(query.group_by(batch_lines.c.state))}


async def batch_now(database: Database, batch_id: str) -> Batch:
    async with database.read() as connection:
        return Batch(*(await connection.execute(select(*SHOWN).where(batches.c.id == batch_id))).one())


async def billed(database: Database) -> tuple[int, int]:
    """Rows of the ledger, and the requests in its sums by hour."""
    async with database.read() as connection:
        rows = (await connection.execute(select(func.count()).select_from(usage))).scalar_one()
        sums = (await connection.execute(select(func.coalesce(func.sum(usage_hourly.c.requests), 0)))).scalar_one()
    return rows, int(sums)
