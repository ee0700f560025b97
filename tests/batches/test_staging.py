"""What is left of bodies by a server that was killed, and what others are still writing."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.batches.staging import LOCK_NAME, Staging
from penstock.errors import OperatorError

PART, OTHER = "0a/file-0a0000000000000000000000#1", "0b/file-0b0000000000000000000000#12"
KEPT = ["0a/file-0a0000000000000000000000", "0a/something else#1", "0a/file-0a#1", "file-0a0000000000000000000000#1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (PART, OTHER, *KEPT):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


@pytest.fixture
def other(folder: Path) -> Iterator[Staging]:
    """Another server that has the folder."""
    other = Staging(folder)
    other.take()
    for name in (PART, OTHER):
        (folder / name).write_bytes(b"x")
    yield other
    other.release()


def left(folder: Path) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return names - {LOCK_NAME, *KEPT}


def test_who_is_alone_removes_them(folder: Path) -> None:
    staging = Staging(folder)
    staging.take()
    staging.release()
    assert left(folder) == set()
    assert all((folder / name).exists() for name in KEPT)


def test_who_is_not_alone_removes_those_of_long_ago(folder: Path, other: Staging) -> None:
    old = time.time() - 86_401
    os.utime(folder / PART, (old, old))
    second = Staging(folder)
    second.take()
    assert left(folder) == {OTHER}
    second.release()


def test_the_folder_is_free_again_when_all_have_left(folder: Path, other: Staging) -> None:
    second = Staging(folder)
    second.take()
    other.release()
    third = Staging(folder)
    third.take()
    assert left(folder) == {PART, OTHER}
    second.release()
    third.release()
    fourth = Staging(folder)
    fourth.take()
    fourth.release()
    assert left(folder) == set()


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be used"):
        Staging(tmp_path / "nothing").take()
