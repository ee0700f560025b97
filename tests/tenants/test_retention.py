import asyncio
import time
from collections.abc import Sequence

from ledgers import ROW, rows_of
from msgspec.structs import replace
from sqlalchemy import func, select
from tenants.test_sums import all_of, check, written

from penstock.database.connection import Database
from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.retention import Retention


async def ids(database: Database) -> Sequence[str]:
    async with database.read() as connection:
        return (await connection.execute(select(usage.c.request_id).order_by(usage.c.request_id))).scalars().all()


async def test_what_is_older_is_deleted_and_the_sums_stay(database: Database) -> None:
    await written(database, rows_of(400))
    await check(database)
    before = [await all_of(database, table) for table in (usage_hourly, usage_daily)]
    assert await Retention(database, days=1).prune(before=150.0) == 150
    assert await ids(database) == [row.request_id for row in rows_of(400)[150:]]
    assert [await all_of(database, table) for table in (usage_hourly, usage_daily)] == before


async def test_nothing_old_is_nothing_to_delete(database: Database) -> None:
    await written(database, rows_of(3))
    assert await Retention(database, days=1).prune(before=0.0) == 0
    assert len(await ids(database)) == 3


async def test_rows_come_in_while_old_ones_go(database: Database) -> None:
    await written(database, rows_of(500))
    pruning = asyncio.create_task(Retention(database, days=1).prune(before=500.0))
    for number in range(20):
        await written(database, [replace(ROW, request_id=f"new_{number:02}", created_at=1e9)])
    assert await pruning == 500
    assert await ids(database) == [f"new_{number:02}" for number in range(20)]


async def test_two_servers_delete_the_same_rows(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.connect()
    await written(database, rows_of(500))
    both = [Retention(each, days=1).prune(before=499.0) for each in (database, other)]
    assert sum(await asyncio.gather(*both)) == 499
    await other.close()
    assert len(await ids(database)) == 1


async def test_it_goes_by_days_and_begins_shortly_after_the_start(database: Database) -> None:
    now = time.time()
    rows = [replace(ROW, request_id=f"req_{age}", created_at=now - age * 86400 + 3600) for age in range(1, 6)]
    await written(database, rows)
    running = asyncio.create_task(Retention(database, days=3, first_after_seconds=0.0).run())
    async with asyncio.timeout(10):
        while len(await ids(database)) > 3:
            await asyncio.sleep(0.01)
    assert await ids(database) == ["req_1", "req_2", "req_3"]
    running.cancel()
    await asyncio.wait({running})


async def test_for_ever_is_no_task_at_all(database: Database) -> None:
    await Retention(database, days=0, first_after_seconds=0.0).run()


async def test_a_database_that_is_away_is_tried_again(database: Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE usage RENAME TO away")
    retention = Retention(database, days=1, first_after_seconds=0.0, again_after_seconds=0.01)
    running = asyncio.create_task(retention.run())
    await asyncio.sleep(0.1)  # not a condition: it may or may not have tried by now
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO usage")
    await written(database, rows_of(3))
    async with asyncio.timeout(10):
        while await _count(database):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})


async def _count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(usage))).scalar_one()
