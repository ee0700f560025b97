"""Claims, leases and fences: a line has one owner at a time, and what a former owner says is not heard."""

import asyncio

import pytest
from batches.queued import batch_now, billed, done, put_batch, put_file, states
from databases import POSTGRESQL_ONLY
from tenancy import Clock

from penstock.batches.batch import Batch
from penstock.batches.blobs import Blobs
from penstock.batches.claims import Claim, Claims, Models, Work
from penstock.batches.results import Back, Result, Results
from penstock.batches.runners import Runners
from penstock.database.connection import Database

ECHO = Models(frozenset({"echo"}))


class Server:
    """What one server process has of the work on batches; each has a clock of its own."""

    def __init__(self, database: Database, models: set[str] | None = None) -> None:
        self.clock = Clock()
        self.runners = Runners(database, models or {"echo"}, lease_seconds=30, monotonic=self.clock)
        self.claims = Claims(database, self.runners.id)
        self.results = Results(database, self.runners.id, retry_seconds=0.01)

    async def take(self, limit: int, *, suspects: bool = False) -> list[Claim]:
        works = await self.claims.work(ECHO, suspects=suspects)
        return await self.claims.take(works[0], ECHO, limit=limit, suspects=suspects) if works else []

    async def commit(self, *results: Result) -> None:
        writing = asyncio.create_task(self.results.run())
        for result in results:
            self.results.add(result)
        await self.results.flushed()
        writing.cancel()


@pytest.fixture
async def batch(database: Database, blobs: Blobs, account: str) -> Batch:
    return await put_batch(database, account, await put_file(database, blobs, account, b"{}"), lines=10)


@pytest.fixture
async def servers(database: Database) -> tuple[Server, Server]:
    first, second = Server(database), Server(database)
    await first.runners.beat()
    await second.runners.beat()
    return first, second


async def test_lines_that_begin_alike_are_claimed_together(servers: tuple[Server, Server], batch: Batch) -> None:
    claims = await servers[0].take(7)
    assert [claim.line for claim in claims] == [2, 4, 6, 8, 10, 1, 3]
    assert {(claim.batch_id, claim.generation) for claim in claims} == {(batch.id, 1)}


async def test_a_line_is_claimed_once(servers: tuple[Server, Server], database: Database, batch: Batch) -> None:
    taken = await asyncio.gather(*(server.take(3) for server in servers * 3))
    lines = [claim.line for claims in taken for claim in claims]
    assert sorted(lines) == list(range(1, 11))
    assert await states(database, batch.id) == {"running": 10}


async def test_a_result_its_bill_and_the_counts_are_there_together(
    servers: tuple[Server, Server], database: Database, batch: Batch, account: str
) -> None:
    claims = await servers[0].take(4)
    await servers[0].commit(*(done(claim, account) for claim in claims[:3]), done(claims[3], account, status=404))
    now = await batch_now(database, batch.id)
    assert (now.completed, now.failed, now.prompt_tokens, now.cached_tokens, now.completion_tokens) == (3, 1, 15, 6, 9)
    assert await billed(database) == (3, 3)
    assert await states(database, batch.id) == {"waiting": 6, "done": 4}


async def test_a_result_counts_once(
    servers: tuple[Server, Server], database: Database, batch: Batch, account: str
) -> None:
    (claim,) = await servers[0].take(1)
    for _ in range(3):
        await servers[0].commit(done(claim, account), done(claim, account))
    assert (await batch_now(database, batch.id)).completed == 1
    assert await billed(database) == (1, 1)


async def test_who_stands_still_for_a_lease_loses_its_lines(
    servers: tuple[Server, Server], database: Database, batch: Batch, account: str
) -> None:
    first, second = servers
    claims = await first.take(10)
    second.clock.now += 29
    assert not await second.runners.beat()
    assert await states(database, batch.id) == {"running": 10}
    second.clock.now += 1
    assert await second.runners.beat()
    assert await states(database, batch.id) == {"waiting": 10}
    again = await second.take(10)
    assert {claim.generation for claim in again} == {2}

    await first.commit(*(done(claim, account) for claim in claims))
    assert (await batch_now(database, batch.id)).completed == 0
    assert await billed(database) == (0, 0)
    await second.commit(*(done(claim, account) for claim in again))
    assert (await batch_now(database, batch.id)).completed == 10
    assert await billed(database) == (10, 10)


async def test_who_beats_keeps_its_lines_whatever_the_others_clocks_say(
    servers: tuple[Server, Server], database: Database, batch: Batch
) -> None:
    first, second = servers
    await first.take(10)
    for _ in range(5):
        await first.runners.beat()
        second.clock.now += 1_000_000
        assert not await second.runners.beat()
    assert await states(database, batch.id) == {"running": 10}


async def test_a_result_is_not_heard_once_the_line_waits_again(
    servers: tuple[Server, Server], database: Database, batch: Batch, account: str
) -> None:
    first, second = servers
    (claim,) = await first.take(1)
    second.clock.now += 30
    await second.runners.beat()
    await first.commit(done(claim, account))
    assert await states(database, batch.id) == {"waiting": 10}
    assert await billed(database) == (0, 0)


async def test_who_was_taken_for_gone_begins_anew(
    servers: tuple[Server, Server], database: Database, batch: Batch
) -> None:
    first, second = servers
    second.clock.now += 100
    await second.runners.beat()
    await first.runners.beat()
    await first.take(2)
    second.clock.now += 29
    await second.runners.beat()
    assert await states(database, batch.id) == {"running": 2, "waiting": 8}


async def test_who_leaves_gives_back_at_once(servers: tuple[Server, Server], database: Database, batch: Batch) -> None:
    await servers[0].take(10)
    await servers[0].runners.leave()
    assert await states(database, batch.id) == {"waiting": 10}


async def test_a_models_name_is_known_for_a_while_after_its_server_is_gone(database: Database) -> None:
    gone, stays = Server(database, {"gone"}), Server(database)
    await gone.runners.beat()
    await stays.runners.beat()
    assert stays.runners.offered == {"gone", "echo"}
    await gone.runners.leave()
    await stays.runners.beat()
    stays.clock.now += 89
    await stays.runners.beat()
    assert stays.runners.offered == {"gone", "echo"}
    stays.clock.now += 1
    await stays.runners.beat()
    assert stays.runners.offered == {"echo"}


async def test_a_suspect_comes_after_all_others_and_keeps_its_deaths(
    servers: tuple[Server, Server], database: Database, batch: Batch, account: str
) -> None:
    first, second = servers
    claims = await first.take(10)
    await first.commit(Back(claims[0], suspect=True, deaths=0), *(done(claim, account) for claim in claims[1:]))
    assert await second.take(1) == []
    (suspect,) = await second.take(5, suspects=True)
    assert (suspect.line, suspect.suspect, suspect.deaths, suspect.generation) == (claims[0].line, True, 0, 2)
    await second.commit(Back(suspect, suspect=True, deaths=1))
    (again,) = await first.take(5, suspects=True)
    assert again.deaths == 1


@pytest.mark.parametrize("status", ["cancelling", "finalizing", "cancelled"])
async def test_nothing_is_claimed_of_a_batch_that_ends(
    servers: tuple[Server, Server], database: Database, blobs: Blobs, account: str, status: str
) -> None:
    file_id = await put_file(database, blobs, account, b"{}")
    batch = await put_batch(database, account, file_id, lines=2, status=status)
    server = servers[0]
    assert await server.claims.work(ECHO) == []
    work = Work(batch.id, account, batch.key_id, batch.endpoint, "xx/yy")
    assert await server.claims.take(work, ECHO, limit=5) == []
    assert await server.claims.still_run([batch.id]) == set()


async def test_models_that_nobody_serves_have_lines_of_their_own(servers: tuple[Server, Server], batch: Batch) -> None:
    others = Models(frozenset({"other"}))
    unknown = Models(frozenset({"other"}), excluded=True)
    assert await servers[0].claims.work(others) == []
    assert [work.batch_id for work in await servers[0].claims.work(unknown)] == [batch.id]


@POSTGRESQL_ONLY
async def test_two_servers_race_to_the_end(database_url: str, batch: Batch, account: str, database: Database) -> None:
    """Each with connections of its own, as two processes have them."""
    opened = [Database(database_url) for _ in range(2)]
    for each in opened:
        await each.connect()
    racing = [Server(each) for each in opened]

    async def race(server: Server) -> int:
        await server.runners.beat()
        lines = 0
        while claims := await server.take(2):
            await server.commit(*(done(claim, account) for claim in claims))
            lines += len(claims)
        return lines

    assert sum(await asyncio.gather(*map(race, racing))) == 10
    assert (await batch_now(database, batch.id)).completed == 10
    assert await billed(database) == (10, 10)
    for each in opened:
        await each.close()
