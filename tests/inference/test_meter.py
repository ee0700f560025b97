import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.errors import ApiError, EngineError, ModelUnavailable
from penstock.inference.meter import Meter
from penstock.tenants.caller import Caller
from penstock.tenants.usage import Ledger

CALLER = Caller("acct", "key", "name")


class Delivered:
    """An answer that got as far as a test says."""

    path = "/v1/chat/completions"

    def __init__(self, *, begun: bool = False, broken_off: ApiError | None = None) -> None:
        self.begun = begun
        self.broken_off = broken_off


@pytest.mark.parametrize(
    ("error", "delivery", "status", "outcome", "billed"),
    [
        (None, Delivered(begun=True), 200, "completed", True),
        (EngineError("x"), Delivered(), 502, "failed", False),
        (EngineError("x"), Delivered(begun=True), 200, "failed", True),
        (ZeroDivisionError(), Delivered(), 500, "failed", False),
        (asyncio.CancelledError(), Delivered(), 499, "aborted", True),
        (asyncio.CancelledError(), Delivered(begun=True), 200, "aborted", True),
        (asyncio.CancelledError(), Delivered(broken_off=ModelUnavailable("x", retry_after=1)), 503, "failed", False),
    ],
)
async def test_every_way_to_end_is_one_row(
    tmp_path: Path, error: BaseException | None, delivery: Delivered, status: int, outcome: str, billed: bool
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'penstock.db'}")
    await database.connect()
    await migrate(database)
    ledger = Ledger(database)
    writing = asyncio.create_task(ledger.run())
    ending = nullcontext() if error is None else pytest.raises(type(error))
    with ending, Meter(ledger).follow(CALLER, request_id="r", model="m", streamed=True, delivery=delivery) as entry:
        entry.first_token = entry.started
        entry.counts.completion[0] = 7
        if error is not None:
            raise error
    await ledger.flushed()
    (row,) = await ledger.rows()
    assert (row.status, row.outcome, row.completion_tokens) == (status, outcome, 7 if billed else 0)
    assert row.endpoint == delivery.path
    writing.cancel()
    await asyncio.wait({writing})
    await database.close()
