import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from entries import ASKED, CALLER, Delivered

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.errors import ContextLengthExceeded, EngineError, ModelUnavailable, RateLimited
from penstock.inference.meter import Entry, Meter, Unobserved
from penstock.tenants.ledger import Ledger
from penstock.tenants.limits import Standing, Used
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger whose writer runs."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'penstock.db'}")
    await database.connect()
    await migrate(database)
    ledger = Ledger(database, Spool(tmp_path))
    writing = asyncio.create_task(ledger.run())
    yield ledger
    writing.cancel()
    await asyncio.wait({writing})
    await database.close()


async def only_row(ledger: Ledger) -> UsageRecord:
    await ledger.flushed()
    (row,) = await ledger.rows()
    return row


def counted(entry: Entry) -> None:
    """Ten tokens read, four of them known before, and seven written."""
    entry.first_token = entry.last_token = entry.started
    entry.counts.read(0, 10, cached=4)
    entry.counts.wrote(0, 7)


@pytest.mark.parametrize(
    ("error", "delivery", "status", "outcome", "code", "billed"),
    [
        (None, Delivered(begun=True), 200, "completed", None, True),
        (EngineError("x"), Delivered(), 502, "failed", "engine_error", False),
        (EngineError("x"), Delivered(begun=True), 200, "failed", "engine_error", True),
        (RateLimited("x"), Delivered(), 429, "failed", "rate_limit_exceeded", False),
        (ContextLengthExceeded(8, prompt=9, param="messages"), Delivered(), 400, "failed", "context_length_exceeded",
         False),
        (ZeroDivisionError(), Delivered(), 500, "failed", "internal_error", False),
        (asyncio.CancelledError(), Delivered(), 499, "aborted", None, True),
        (asyncio.CancelledError(), Delivered(begun=True), 200, "aborted", None, True),
        (asyncio.CancelledError(), Delivered(broken_off=ModelUnavailable("x", retry_after=1)), 503, "failed",
         "model_unavailable", False),
    ],
)  # fmt: skip
async def test_every_way_to_end_is_one_row(
    ledger: Ledger,
    error: BaseException | None,
    delivery: Delivered,
    status: int,
    outcome: str,
    code: str | None,
    billed: bool,
) -> None:
    ending = nullcontext() if error is None else pytest.raises(type(error))
    with ending, Meter(ledger).follow(CALLER, ASKED, delivery=delivery) as entry:
        counted(entry)
        if error is not None:
            raise error
    row = await only_row(ledger)
    assert (row.status, row.outcome, row.error_code) == (status, outcome, code)
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == ((10, 4, 7) if billed else (0, 0, 0))
    assert row.cost == (6 * 3 + 4 * 1 + 7 * 5 if billed else 0)
    assert (row.input_price, row.cached_input_price, row.output_price, row.tier) == (3, 1, 5, "flex")
    assert (row.account_id, row.key_id, row.project_id, row.model) == ("acct", "key", "proj", "m")
    assert (row.endpoint, row.streamed) == (delivery.path, True)


async def test_what_was_complete_stays_so_whatever_happens_to_its_last_bytes(ledger: Ledger) -> None:
    with suppress(asyncio.CancelledError), Meter(ledger).follow(CALLER, ASKED, delivery=Delivered()) as entry:
        counted(entry)
        entry.complete()
        entry.counts.wrote(0, 99)
        raise asyncio.CancelledError
    row = await only_row(ledger)
    assert (row.outcome, row.status, row.completion_tokens) == ("completed", 200, 7)


async def test_what_never_got_a_slot_has_only_the_times_that_there_were(ledger: Ledger) -> None:
    with pytest.raises(EngineError), Meter(ledger).follow(CALLER, ASKED, delivery=Delivered()):
        raise EngineError("x")
    row = await only_row(ledger)
    assert (row.prefill_ms, row.decode_ms, row.ttft_ms, row.load_ms) == (None, None, None, None)
    assert 0 <= row.queue_ms <= row.total_ms


async def test_the_spans_follow_each_other(ledger: Ledger) -> None:
    with Meter(ledger).follow(CALLER, ASKED, delivery=Delivered(begun=True)) as entry:
        entry.entered, entry.first_token, entry.last_token = (entry.started + span for span in (0.25, 1.0, 3.0))
    row = await only_row(ledger)
    assert (row.queue_ms, row.prefill_ms, row.decode_ms, row.ttft_ms) == pytest.approx((250, 750, 2000, 1000))


class Granted:
    """A grant that remembers how it was settled."""

    def __init__(self) -> None:
        self.settled: list[Used | None] = []

    def settle(self, used: Used | None) -> None:
        self.settled.append(used)

    def standing(self) -> Standing:
        return Standing()


@pytest.mark.parametrize(
    ("outcome", "wrote", "used"),
    [
        ("completed", True, Used(10, 7, 6 * 3 + 4 + 7 * 5)),
        ("aborted", True, Used(10, 7, 6 * 3 + 4 + 7 * 5)),
        ("aborted", False, Used(0, 0)),
        ("failed", False, None),
        ("failed", True, Used(10, 7)),  # the engine worked, and nobody pays
    ],
)
def test_the_grant_is_settled_once_with_the_row(outcome: str, wrote: bool, used: Used | None) -> None:
    delivered, grant = Delivered(), Granted()
    followed = Entry(CALLER, ASKED, delivered, record=lambda row, entry: None)
    followed.reserved(grant)
    assert delivered.standing == grant.standing
    if wrote:
        counted(followed)
    followed.settle(outcome, 200)
    followed.settle("failed", 500)
    assert grant.settled == [used]


async def test_limits_that_refuse_are_counted_once(ledger: Ledger) -> None:
    hits: list[str] = []

    class Counting(Unobserved):
        def limit_hit(self, limit: str) -> None:
            hits.append(limit)

    refusal = RateLimited("x", limit="concurrency")
    with pytest.raises(RateLimited), Meter(ledger, Counting()).follow(CALLER, ASKED, delivery=Delivered()):
        raise refusal
    assert hits == ["concurrency"]
