"""Validation on both databases: every line or none, whoever breaks it off and whenever."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from batches.queued import batch_now, put_batch, put_file, states
from sqlalchemy import select, update
from tenancy import OPERATOR, tenants_of

from penstock.batches.batch import Batch
from penstock.batches.blobs import Blobs
from penstock.batches.fence import Fenced
from penstock.batches.file import blob_of
from penstock.batches.validation import Validation
from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys, batch_lines, batches
from penstock.errors import StorageAway
from penstock.protocol.batches import MOST_ERRORS

RUNNER = "runner_1"


def lines(count: int, *, model: Any = "echo", first: int = 0) -> bytes:
    """A file of so many good lines."""
    given = [
        {
            "custom_id": f"line-{at}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": model, "messages": [{"role": "user", "content": f"Question {at}"}]},
        }
        for at in range(first, first + count)
    ]
    return b"".join(json.dumps(one).encode() + b"\n" for one in given)


@pytest.fixture
def validation(database: Database, blobs: Blobs) -> Validation:
    return Validation(database, blobs, tenants_of(database).callers)


async def claimed(database: Database, blobs: Blobs, account: str, body: bytes) -> Batch:
    """A batch of this input that `RUNNER` has claimed."""
    file_id = await put_file(database, blobs, account, body)
    return await put_batch(
        database, account, file_id, status="validating", in_progress_at=None, runner_id=RUNNER, generation=1
    )


async def change(database: Database, batch: Batch, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(update(batches).where(batches.c.id == batch.id).values(values))


async def rows(database: Database, batch: Batch) -> list[Any]:
    query = select(batch_lines).where(batch_lines.c.batch_id == batch.id).order_by(batch_lines.c.line)
    async with database.read() as connection:
        return list(await connection.execute(query))


async def test_good_lines_wait_and_say_where_their_bytes_are(
    validation: Validation, database: Database, blobs: Blobs, account: str
) -> None:
    body = b"\xef\xbb\xbf" + lines(2) + b"\r\n" + lines(2501, model="other", first=2)
    batch = await claimed(database, blobs, account, body)
    await validation.run(batch, RUNNER)
    after = await batch_now(database, batch.id)
    assert (after.status, after.total, after.model, after.errors) == ("in_progress", 2503, None, None)
    assert after.in_progress_at is not None
    found = await rows(database, batch)
    assert [row.line for row in found] == [1, 2, *range(4, 2505)]
    assert [row.model for row in found[:3]] == ["echo", "echo", "other"]
    assert await states(database, batch.id) == {"waiting": 2503}
    for row in (found[0], found[2], found[-1]):
        (part,) = await blobs.ranges(blob_of(batch.input_file_id), [row.position], [row.size])
        assert json.loads(part)["custom_id"] == row.custom_id


@pytest.mark.parametrize(("model", "named"), [("echo", "echo"), (None, None), ("x" * 300, None)])
async def test_the_model_of_all_lines(
    validation: Validation, database: Database, blobs: Blobs, account: str, model: Any, named: str | None
) -> None:
    batch = await claimed(database, blobs, account, lines(2, model=model))
    await validation.run(batch, RUNNER)
    assert (await batch_now(database, batch.id)).model == named


BAD: dict[str, tuple[bytes, list[tuple[str, int | None]]]] = {
    "empty": (b"", [("empty_file", None)]),
    "blank": (b"\r\n\n \n", [("empty_file", None)]),
    "binary": (b"\x7fELF\x02\0\0\n" * 2, [("invalid_json_line", 1), ("invalid_json_line", 2)]),
    "the last line": (lines(1500) + b"{", [("invalid_json_line", 1501)]),
    "a duplicate": (lines(1200) + lines(1), [("duplicate_custom_id", 1201)]),
    "a stream": (lines(1).replace(b'"model"', b'"stream": true, "model"'), [("invalid_value", 1)]),
    "a NUL in a name": (lines(1).replace(b'"method"', b'"\\u0000": 1, "method"'), [("unknown_parameter", 1)]),
    "too much": (b"?\n" * 1000, [("invalid_json_line", at) for at in range(1, MOST_ERRORS + 1)]),
}


@pytest.mark.parametrize("case", BAD)
async def test_one_malformed_line_fails_all_and_leaves_none(
    validation: Validation, database: Database, blobs: Blobs, account: str, case: str
) -> None:
    body, expected = BAD[case]
    batch = await claimed(database, blobs, account, body)
    await validation.run(batch, RUNNER)
    after = await batch_now(database, batch.id)
    assert (after.status, after.total) == ("failed", 0)
    assert after.failed_at is not None
    assert [(one["code"], one["line"]) for one in after.errors or []] == expected
    assert await rows(database, batch) == []


async def test_a_plan_bounds_the_lines_of_one_batch(
    validation: Validation, database: Database, blobs: Blobs, account: str
) -> None:
    await tenants_of(database).plans.set("small", {"batch_lines": 10}, by=OPERATOR, new=True)
    async with database.write() as connection:
        await connection.execute(update(accounts).where(accounts.c.id == account).values(plan="small"))
    fits = await claimed(database, blobs, account, lines(10))
    await validation.run(fits, RUNNER)
    assert (await batch_now(database, fits.id)).total == 10
    batch = await claimed(database, blobs, account, lines(12))
    await validation.run(batch, RUNNER)
    (fault,) = (await batch_now(database, batch.id)).errors or []
    assert (fault["code"], fault["line"]) == ("too_many_lines", None)
    assert fault["message"] == "The file has 12 lines, and a batch may have 10 with the plan small."


async def test_a_revoked_key_is_for_the_lines_to_fail_by(
    validation: Validation, database: Database, blobs: Blobs, account: str
) -> None:
    batch = await claimed(database, blobs, account, lines(3))
    async with database.write() as connection:
        await connection.execute(update(api_keys).where(api_keys.c.id == batch.key_id).values(revoked_at=1.0))
    await validation.run(batch, RUNNER)
    assert (await batch_now(database, batch.id)).status == "in_progress"


async def test_whoever_claims_it_next_begins_anew(
    validation: Validation, database: Database, blobs: Blobs, account: str
) -> None:
    """As after a server that was killed, or that was only slow and goes on writing."""
    batch = await claimed(database, blobs, account, lines(5000))
    slow = []
    for generation in (2, 3):
        slow.append(asyncio.create_task(validation.run(batch, RUNNER)))
        while not await rows(database, batch):
            await asyncio.sleep(0)
        await change(database, batch, generation=generation)
        batch = await batch_now(database, batch.id)
    await validation.run(batch, RUNNER)
    assert [type(error) for error in await asyncio.gather(*slow, return_exceptions=True)] == [Fenced, Fenced]
    after = await batch_now(database, batch.id)
    assert (after.status, after.total) == ("in_progress", 5000)
    assert [row.line for row in await rows(database, batch)] == list(range(1, 5001))


async def test_any_number_of_left_over_lines_is_removed(
    validation: Validation, database: Database, blobs: Blobs, account: str
) -> None:
    file_id = await put_file(database, blobs, account, lines(3))
    values = {"status": "validating", "in_progress_at": None, "runner_id": RUNNER, "generation": 2}
    batch = await put_batch(database, account, file_id, 12_001, **values)
    await validation.run(batch, RUNNER)
    assert (await batch_now(database, batch.id)).total == 3
    assert [(row.line, row.custom_id) for row in await rows(database, batch)] == [
        *((1, "line-0"), (2, "line-1"), (3, "line-2")),
    ]


TAKEN: dict[str, dict[str, Any]] = {
    "cancelled": {"status": "cancelling", "ends_as": "cancelled", "runner_id": None},
    "expired": {"status": "finalizing", "ends_as": "expired", "runner_id": None},
    "given to another": {"runner_id": "runner_2", "generation": 2},
    "claimed again": {"generation": 2},
}


@pytest.mark.parametrize("how", TAKEN)
@pytest.mark.parametrize("good", [True, False])
async def test_what_was_taken_from_it_is_left_alone(
    validation: Validation, database: Database, blobs: Blobs, account: str, how: str, good: bool
) -> None:
    batch = await claimed(database, blobs, account, lines(3000) + (b"" if good else b"?"))
    task = asyncio.create_task(validation.run(batch, RUNNER))
    while good and not await rows(database, batch) and not task.done():
        await asyncio.sleep(0)
    await change(database, batch, **TAKEN[how])
    taken = await batch_now(database, batch.id)
    with pytest.raises(Fenced):
        await task
    assert await batch_now(database, batch.id) == taken


async def test_a_store_that_is_away_is_told_and_changes_nothing(
    validation: Validation, database: Database, blobs: Blobs, account: str, bodies: Path
) -> None:
    batch = await claimed(database, blobs, account, lines(3))
    body = bodies / blob_of(batch.input_file_id)
    elsewhere = body.with_name("elsewhere")
    body.rename(elsewhere)
    with pytest.raises(StorageAway):
        await validation.run(batch, RUNNER)
    assert (await batch_now(database, batch.id)).status == "validating"
    elsewhere.rename(body)
    await validation.run(batch, RUNNER)
    assert (await batch_now(database, batch.id)).status == "in_progress"
