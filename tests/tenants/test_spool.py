import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import ROW, rows_of
from msgspec.structs import replace
from tenants.test_segment import longest_file

from penstock.errors import OperatorError
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord, encode_line

APPEND_FOR_EVER = """
import pathlib, sys
from ledgers import ROW
from msgspec.structs import replace
from penstock.tenants.spool import Spool

spool = Spool(pathlib.Path(sys.argv[1]))
spool.open()
for number in range(10**9):
    spool.append(replace(ROW, request_id=str(number)))
    print(number, flush=True)
"""


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[Spool]:
    spool = Spool(folder, **options)
    spool.open()
    try:
        yield spool
    finally:
        spool.close()


def drained(spool: Spool, limit: int = 500) -> list[UsageRecord]:
    """Everything that waits, taken."""
    rows: list[UsageRecord] = []
    while batch := spool.peek(limit):
        rows += batch.rows
        spool.remove(batch)
    assert spool.rows == 0
    return rows


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.usage"))


def test_rows_come_out_as_they_went_in_and_no_file_stays(tmp_path: Path) -> None:
    rows = rows_of(1200)
    with opened(tmp_path) as spool:
        for row in rows:
            spool.append(row)
        assert spool.rows == 1200
        assert drained(spool) == rows
        assert spool.peek(1) is None
        assert [path.stat().st_size for path in files(tmp_path)] == [0]
    assert files(tmp_path) == []


def test_what_is_looked_at_waits_until_it_is_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for row in rows_of(3):
            spool.append(row)
        batch = spool.peek(2)
        assert batch is not None
        assert batch.rows == rows_of(2)
        assert spool.peek(2) == batch
        spool.remove(batch)
        assert spool.rows == 1


def test_rows_that_were_just_appended_are_not_read_from_the_file(tmp_path: Path) -> None:
    rows = rows_of(4)
    with opened(tmp_path) as spool:
        for row in rows:
            spool.append(row)
        batch = spool.peek(3)
        assert batch is not None
        assert all(taken is row for taken, row in zip(batch.rows, rows, strict=False))


@given(
    st.lists(st.integers(1, 9) | st.integers(-9, -1), max_size=30),
    st.integers(0, 12),
    st.integers(1, 12),
)
@settings(max_examples=100, deadline=None)
def test_rows_come_out_in_order_however_many_are_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], kept: int, in_segment: int
) -> None:
    """A step appends so many rows, or takes as many as that."""
    came, taken = 0, list[str]()
    folder = tmp_path_factory.mktemp("spool")
    with opened(folder, most_kept=kept, segment_bytes=in_segment * len(encode_line(ROW))) as spool:
        for step in steps:
            for _ in range(step):
                spool.append(replace(ROW, request_id=str(came)))
                came += 1
            if step < 0 and (batch := spool.peek(-step)):
                taken += [row.request_id for row in batch.rows]
                spool.remove(batch)
            assert spool.rows == came - len(taken)
        taken += [row.request_id for row in drained(spool, limit=4)]
    assert taken == [*map(str, range(came))]


def test_a_spool_that_is_never_empty_does_not_grow_for_ever(tmp_path: Path) -> None:
    size = len(encode_line(ROW))
    with opened(tmp_path, segment_bytes=10 * size) as spool:
        for row in rows_of(500):
            spool.append(row)
            if spool.rows > 20 and (batch := spool.peek(1)):
                spool.remove(batch)
            assert len(files(tmp_path)) <= 4
            assert sum(path.stat().st_size for path in files(tmp_path)) <= 45 * size
        assert drained(spool) == rows_of(500)[-20:]


def test_the_next_process_takes_over_what_one_left(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for row in rows_of(5):
            spool.append(row)
    with opened(tmp_path) as spool:
        assert spool.rows == 5
        spool.append(ROW)
        assert drained(spool) == [*rows_of(5), ROW]
    assert files(tmp_path) == []


def test_the_files_of_a_process_that_lives_are_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as mine, opened(tmp_path) as other:
        mine.append(ROW)
        with opened(tmp_path) as third:
            assert third.rows == 0
        assert drained(other) == []
        assert drained(mine) == [ROW]


def test_a_killed_process_loses_no_row_that_it_had_appended(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environ
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(500)]
    with opened(tmp_path) as spool:
        assert spool.rows == 0, "the process lives"
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    whole = [int(line) for line in said if line.endswith("\n")]
    with opened(tmp_path) as spool:
        found = [int(row.request_id) for row in drained(spool)]
    assert found[: len(whole)] == whole
    assert len(found) <= len(whole) + 2, "the one that it was at may be there, and a line that was not printed whole"


@pytest.mark.parametrize("keep", [0.99, 0.5, 0.01])
def test_a_last_line_that_was_cut_off_is_told_and_the_rest_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keep: float
) -> None:
    last = encode_line(ROW)
    (tmp_path / "1-a.usage").write_bytes(b"".join(map(encode_line, rows_of(3))) + last[: int(len(last) * keep)])
    with opened(tmp_path) as spool:
        assert drained(spool) == rows_of(3)
    assert "cut off" in caplog.text
    assert files(tmp_path) == []


@pytest.mark.parametrize("damage", [b"", b"{}", b"00000000 {}", b"\0" * 5000, b"\xff\xfe", b"x" * (3 << 20)])
def test_a_damaged_line_does_not_stop_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    lines = [encode_line(row) for row in rows_of(4)]
    (tmp_path / "1-a.usage").write_bytes(b"".join([*lines[:2], damage, b"\n", *lines[2:]]))
    with opened(tmp_path) as spool:
        assert drained(spool, limit=2) == rows_of(4)
    assert "cannot be read" in caplog.text


def test_zeros_that_a_power_failure_left_cost_no_row(tmp_path: Path) -> None:
    (tmp_path / "1-a.usage").write_bytes(b"\0" * 4096 + encode_line(ROW))
    with opened(tmp_path) as spool:
        assert drained(spool) == [ROW]


def test_an_empty_file_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "1-a.usage").touch()
    with opened(tmp_path) as spool:
        assert (spool.rows, files(tmp_path)) == (0, [])


def test_a_folder_that_cannot_be_is_an_error_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot be used"):
        Spool(tmp_path / "file" / "spool").open()


def test_it_is_full_by_bytes_and_keeps_what_comes_all_the_same(tmp_path: Path) -> None:
    with opened(tmp_path, most_bytes=3 * len(encode_line(ROW))) as spool:
        rows = rows_of(10)
        full = []
        for row in rows:
            spool.append(row)
            full.append(spool.full)
        assert full == [False] * 2 + [True] * 8
        assert drained(spool) == rows
        assert not spool.full


async def test_rows_wait_in_memory_while_there_is_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, most_in_memory=3) as spool:
        rows = rows_of(6)
        spool.append(rows[0])
        full = []
        with longest_file(1):
            for row in rows[1:4]:
                spool.append(row)
                full.append(spool.full)
            await spool.sync()
            assert spool.rows == 4
        assert full == [False, False, True]
        await spool.sync()
        assert not spool.full
        for row in rows[4:]:
            spool.append(row)
        assert drained(spool) == rows
    assert caplog.text.count("waits in memory") == 1


def test_what_waits_in_memory_is_written_from_there_too(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        rows = rows_of(7)
        spool.append(rows[0])
        with longest_file(1):
            for row in rows[1:]:
                spool.append(row)
            assert drained(spool, limit=4) == rows


def test_what_never_found_room_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as spool, longest_file(1):
        for row in rows_of(2):
            spool.append(row)
    assert "2 rows of usage are lost" in caplog.text


async def test_what_the_database_does_not_take_at_once_is_brought_to_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.append(ROW)
        assert await synced(spool) == 0, "the database may take it yet"
        assert await synced(spool) == len(encode_line(ROW))
        spool.append(ROW)
        drained(spool)
        assert await synced(spool) == await synced(spool) == 0, "it did"


async def synced(spool: Spool) -> int:
    """How many bytes are on the disk after another call."""
    await spool.sync()
    (segment,) = spool._segments
    return segment.synced
