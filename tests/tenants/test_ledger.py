import asyncio
from pathlib import Path

import pytest
from ledgers import ROW, rows_of, writing
from msgspec.structs import replace

from penstock.database.connection import Database
from penstock.errors import DatabaseAway
from penstock.tenants.ledger import Ledger
from penstock.tenants.spool import Spool
from penstock.tenants.spooled import Lag


async def test_a_row_comes_back_as_it_was_recorded(database: Database, tmp_path: Path) -> None:
    async with writing(database, tmp_path / "spool") as ledger:
        ledger.record(ROW)
        await ledger.flushed()
        assert await ledger.rows() == [ROW]


async def test_a_request_is_settled_once(database: Database, tmp_path: Path) -> None:
    async with writing(database, tmp_path / "spool") as ledger:
        ledger.record(ROW)
        ledger.record(replace(ROW, completion_tokens=999))
        await ledger.flushed()
        ledger.record(replace(ROW, completion_tokens=999))
        await ledger.flushed()
        assert await ledger.rows() == [ROW]


async def test_a_thousand_rows_are_a_few_commits(database: Database, tmp_path: Path) -> None:
    async with writing(database, tmp_path / "spool") as ledger:
        for row in rows_of(1000):
            ledger.record(row)
        await ledger.flushed()
        assert await ledger.rows(limit=2000) == rows_of(1000)[::-1]
        assert [path.stat().st_size for path in (tmp_path / "spool").glob("*")] == [0]


async def test_what_an_earlier_run_left_is_written_at_the_start(database: Database, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.open()
    left = Ledger(database, spool)
    for row in rows_of(700):
        left.record(row)
    spool.close()
    async with writing(database, tmp_path / "spool") as ledger:
        await ledger.flushed()
        assert await ledger.rows(limit=1000) == rows_of(700)[::-1]
    assert list((tmp_path / "spool").glob("*")) == []


async def test_what_was_committed_before_the_end_is_not_counted_again(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    async with writing(database, folder) as ledger:
        ledger.record(ROW)
        (path,) = folder.glob("*")
        line = path.read_bytes()
    (folder / "1-a.usage").write_bytes(line)  # as if it had been killed between the commit and the end of the file
    async with writing(database, folder) as ledger:
        ledger.record(replace(ROW, request_id="req_1"))
        await ledger.flushed()
        assert len(await ledger.rows()) == 2


async def test_nobody_is_let_in_when_there_is_no_room_and_nothing_is_lost(database: Database, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", most_bytes=1000)
    spool.open()
    ledger = Ledger(database, spool)
    ledger.check()
    for row in rows_of(3):
        ledger.record(row)
    with pytest.raises(DatabaseAway) as raised:
        ledger.check()
    assert dict(raised.value.headers())[b"retry-after"] == b"5"
    task = asyncio.create_task(ledger.run())
    await ledger.flushed()
    ledger.check()
    assert len(await ledger.rows()) == 3
    task.cancel()
    await asyncio.wait({task})
    spool.close()


async def test_the_lag_is_what_waits_and_for_how_long(database: Database, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.open()
    ledger = Ledger(database, spool)
    assert ledger.lag() == Lag(0, 0.0)
    for row in rows_of(3):
        ledger.record(row)
    assert ledger.lag().rows == 3
    assert ledger.lag().seconds > 1e9, "they are of 1970"
    spool.close()


async def test_one_request_settled_by_two_servers_is_one_row(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    other = Database(database_url)
    await other.connect()
    async with writing(database, tmp_path / "spool") as first, writing(other, tmp_path / "spool") as second:
        for row in rows_of(200):
            for ledger in (first, second):
                ledger.record(row)
            await asyncio.sleep(0)
    assert await first.rows(limit=1000) == rows_of(200)[::-1]
    await other.close()
