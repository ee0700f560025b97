import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.tenants.segment import Segment


@contextmanager
def created(path: Path) -> Iterator[Segment]:
    segment = Segment.create(path)
    yield segment
    segment.close()


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """No file of this process may be longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_lines_come_out_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    with created(tmp_path / "s") as segment:
        for number in range(5):
            segment.append(b"%d\n" % number)
        assert segment.lines(2) == [b"0\n", b"1\n"]
        segment.take(4)
        assert segment.lines(100) == [b"2\n", b"3\n", b"4\n"]
        assert segment.waiting == 6


def test_what_is_all_taken_leaves_no_bytes_behind(tmp_path: Path) -> None:
    with created(tmp_path / "s") as segment:
        segment.append(b"one\n")
        segment.take(4)
        assert (segment.size, segment.waiting, (tmp_path / "s").stat().st_size) == (0, 0, 0)
        segment.append(b"two\n")
        assert segment.lines(9) == [b"two\n"]


@given(st.binary(min_size=1, max_size=60), st.integers(1, 5))
@settings(max_examples=50)
def test_every_byte_of_a_file_is_read_once(tmp_path_factory: pytest.TempPathFactory, held: bytes, limit: int) -> None:
    path = tmp_path_factory.mktemp("segment") / "s"
    path.write_bytes(held)
    segment = Segment.adopt(path)
    read: list[bytes] = []
    while segment.waiting:
        lines = segment.lines(limit)
        assert 1 <= len(lines) <= limit
        assert all(line.count(b"\n") <= 1 for line in lines)
        read += lines
        segment.take(sum(map(len, lines)))
    segment.close()
    assert b"".join(read) == held


def test_a_file_without_lines_is_passed_over_in_portions(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\0" * (3 << 20) + b"\nlast\n")
    segment = Segment.adopt(tmp_path / "s")
    while segment.waiting > 5:
        (portion,) = segment.lines(1)
        segment.take(len(portion))
    assert segment.lines(1) == [b"last\n"]
    segment.close()


def test_a_file_has_one_process_at_a_time(tmp_path: Path) -> None:
    with created(tmp_path / "s"), pytest.raises(BlockingIOError):
        Segment.adopt(tmp_path / "s")
    Segment.adopt(tmp_path / "s").remove()
    with pytest.raises(FileNotFoundError):
        Segment.adopt(tmp_path / "s")


def test_a_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with created(tmp_path / "s"):
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600


def test_a_line_for_which_there_is_no_room_leaves_no_part_behind(tmp_path: Path) -> None:
    with created(tmp_path / "s") as segment:
        segment.append(b"one\n")
        with longest_file(6):
            with pytest.raises(OSError):
                segment.append(b"two\n")
            with pytest.raises(OSError):
                segment.append(b"three\n")
        segment.append(b"four\n")
        assert segment.lines(9) == [b"one\n", b"four\n"]
        assert segment.sound
