"""How long to wait for an answer of the database."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def answered(asking: Coroutine[Any, Any, T], *, seconds: float) -> T:
    """What `asking` gives. Raises TimeoutError where it gives nothing for `seconds`.

    It is cancelled then, and left to end by itself: a driver's thread that hangs in a call is not ended by that, and
    SQLite hangs for up to 10 s in a file whose readers are locked out.
    """
    task = asyncio.ensure_future(asking)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_pass_over)


def _pass_over(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()  # told to nobody, as nobody waits for it any more
