"""The end of a batch: its files hold every line once, whoever assembles them and however often it is begun."""

import json
from pathlib import Path
from typing import Any

import pytest
from batches.queued import batch_now, billed, done, put_batch, put_file, states
from sqlalchemy import func, select, update

from penstock.batches.assembly import Assembly
from penstock.batches.batch import Batch
from penstock.batches.blobs import Blobs
from penstock.batches.claims import Claims, Models
from penstock.batches.fence import Fenced
from penstock.batches.file import blob_of
from penstock.batches.results import Results
from penstock.database.connection import Database
from penstock.database.tables import batches, files

ECHO = Models(frozenset({"echo"}))


class World:
    """A batch of ten lines of which eight ran: six went well and two did not. Nobody holds the last two."""

    def __init__(self, database: Database, blobs: Blobs, account: str) -> None:
        self.database = database
        self.blobs = blobs
        self.account = account
        self.assembly = Assembly(database, blobs)
        self.id = ""

    async def prepare(self, lines: int = 10, good: int = 6, bad: int = 2) -> None:
        file_id = await put_file(self.database, self.blobs, self.account, b"{}")
        self.id = (await put_batch(self.database, self.account, file_id, lines=lines)).id
        claims = Claims(self.database, "runner_1")
        (work,) = await claims.work(ECHO)
        taken = sorted(await claims.take(work, ECHO, limit=good + bad), key=lambda claim: claim.line)
        results = Results(self.database, "runner_1")
        for number, claim in enumerate(taken):
            results.add(done(claim, self.account, status=200 if number < good else 400))
        await results._commit_next()

    async def ends(self, end: str, runner_id: str = "runner_1", generation: int = 1) -> Batch:
        """The batch as it is claimed by a runner to be ended so."""
        status = "cancelling" if end == "cancelled" else "finalizing"
        values: dict[str, Any] = {"status": status, "ends_as": end, "runner_id": runner_id, "generation": generation}
        async with self.database.write() as connection:
            await connection.execute(update(batches).where(batches.c.id == self.id).values(values))
        return await batch_now(self.database, self.id)

    async def lines(self, file_id: str | None) -> list[dict[str, Any]]:
        if file_id is None:
            return []
        body = b"".join([part async for part in self.blobs.read(blob_of(file_id))])
        assert body.endswith(b"\n")
        return [json.loads(line) for line in body.splitlines()]

    async def output_files(self) -> int:
        query = select(func.count()).where(files.c.purpose == "batch_output")
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


@pytest.fixture
async def world(database: Database, blobs: Blobs, account: str) -> World:
    return World(database, blobs, account)


async def test_both_files_in_the_order_of_the_input(world: World) -> None:
    await world.prepare(lines=8)
    await world.assembly.run(await world.ends("completed"), "runner_1")
    batch = await batch_now(world.database, world.id)
    assert batch.status == "completed"
    assert batch.completed_at is not None
    output, errors = await world.lines(batch.output_file_id), await world.lines(batch.error_file_id)
    name = world.id.removeprefix("batch_")
    numbers = [int(line["custom_id"].removeprefix("line-")) for line in output]
    assert numbers == sorted(numbers)
    assert len(output) == 6
    first = numbers[0]
    assert output[0] == {
        "id": f"batch_req_{name}_{first}",
        "custom_id": f"line-{first}",
        "response": {"status_code": 200, "request_id": f"req_{name}_{first}", "body": {"line": first}},
        "error": None,
    }
    assert [line["response"]["status_code"] for line in errors] == [400, 400]
    assert await states(world.database, world.id) == {}
    assert await billed(world.database) == (6, 6)


@pytest.mark.parametrize(("end", "code"), [("expired", "batch_expired"), ("cancelled", "batch_cancelled")])
async def test_what_was_not_done_is_told_of(world: World, end: str, code: str) -> None:
    await world.prepare()
    await world.assembly.run(await world.ends(end), "runner_1")
    batch = await batch_now(world.database, world.id)
    assert (batch.status, batch.completed, batch.failed) == (end, 6, 4)
    errors = await world.lines(batch.error_file_id)
    dropped = [line for line in errors if line["response"] is None]
    assert [line["error"]["code"] for line in dropped] == [code, code]
    assert len(errors) == 4


async def test_a_file_without_lines_is_not_made(world: World) -> None:
    await world.prepare(lines=3, good=3, bad=0)
    await world.assembly.run(await world.ends("completed"), "runner_1")
    batch = await batch_now(world.database, world.id)
    assert batch.error_file_id is None
    assert await world.output_files() == 1


async def test_a_batch_that_was_cancelled_before_it_began_has_no_file(world: World) -> None:
    await world.prepare()
    async with world.database.write() as connection:
        unbegun = {"in_progress_at": None, "total": 0, "completed": 0, "failed": 0}
        await connection.execute(update(batches).where(batches.c.id == world.id).values(unbegun))
    await world.assembly.run(await world.ends("cancelled"), "runner_1")
    batch = await batch_now(world.database, world.id)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("cancelled", None, None)
    assert await states(world.database, world.id) == {}


async def test_of_two_who_assemble_the_late_one_leaves_nothing(world: World, bodies: Path) -> None:
    await world.prepare(lines=8)
    early = await world.ends("completed", "runner_1", generation=1)
    late = await world.ends("completed", "runner_2", generation=2)
    with pytest.raises(Fenced):
        await world.assembly.run(early, "runner_1")
    stored = {path.name for path in bodies.rglob("*") if path.is_file()}
    assert len(stored) == 1  # the input
    await world.assembly.run(late, "runner_2")
    with pytest.raises(Fenced):
        await world.assembly.run(late, "runner_2")
    assert await world.output_files() == 2


async def test_lines_of_an_assembly_that_was_killed_at_its_end_are_removed_later(world: World) -> None:
    await world.prepare(lines=8)
    batch = await world.ends("completed")
    await world.assembly._finish(batch, "runner_1", await world.assembly._write(batch))
    assert await states(world.database, world.id) == {"done": 8}
    await world.assembly.forget(world.id)
    assert await states(world.database, world.id) == {}
    assert (await batch_now(world.database, world.id)).status == "completed"
