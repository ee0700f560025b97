"""Whether a server that works on a batch is still the one that does."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.batches.batch import Batch
from penstock.database.tables import batches


class Fenced(Exception):  # control flow, not an error of anything
    """Somebody else has taken the batch over, or it was cancelled: what was done here counts for nothing."""


async def check(connection: AsyncConnection, batch: Batch, runner_id: str) -> None:
    """Raises Fenced unless the batch is this runner's, by the claim that `batch` came of. It stays so until the end of
    the transaction."""
    held = select(batches.c.id).where(
        batches.c.id == batch.id, batches.c.runner_id == runner_id, batches.c.generation == batch.generation
    )
    if (await connection.execute(held.with_for_update())).first() is None:
        raise Fenced
