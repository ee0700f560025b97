"""How much an account may keep in files."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.tables import files
from penstock.errors import InsufficientQuota
from penstock.tenants.caller import Caller


def quota_of(caller: Caller) -> int | None:
    """Bytes: the least of what the account, the key and the keys that it was made by allow. None: no limit."""
    return min((most for each in caller.subjects if (most := each.limits.stored_bytes) is not None), default=None)


async def kept_bytes(connection: AsyncConnection, account_id: str) -> int:
    """What the account keeps, with what it deleted and a batch still reads."""
    query = select(func.coalesce(func.sum(files.c.bytes), 0)).where(files.c.account_id == account_id)
    return int((await connection.execute(query)).scalar_one())


def refuse_beyond(quota: int | None, kept: int, more: int) -> None:
    """Raises InsufficientQuota where `more` bytes beside the `kept` ones are too many."""
    if quota is not None and kept + more > quota:
        raise InsufficientQuota(
            f"The files of this account have {kept:,} bytes, and may have {quota:,}: there is no room for this one."
            " Delete some, or let them expire by `expires_after`; files that a batch is still reading count until it is"
            " over.",
            limit="stored_bytes",
        )
