"""Environments are made once, made anew when their lock changes or a run broke off, and never half used."""

from pathlib import Path

import pytest
from clients.environments import LOCKS, environment, locked_version


class Built:
    """A build that counts itself, and can be told to break off."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.breaks = False

    def __call__(self, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        (folder / "part").touch()
        self.folders.append(folder)
        assert not self.breaks


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "client.txt"
    file.write_text("client==1")
    return file


def test_an_environment_is_made_once(lock: Path, tmp_path: Path) -> None:
    build = Built()
    first = environment("a", [lock], build, cache=tmp_path / "cache")
    again = environment("a", [lock], build, cache=tmp_path / "cache")
    assert first == again
    assert build.folders == [first]


@pytest.mark.parametrize("changed", ["lock", "version"])
def test_a_change_makes_a_new_one_and_removes_the_old(changed: str, lock: Path, tmp_path: Path) -> None:
    build = Built()
    other = environment("a-b", [lock], build, cache=tmp_path / "cache")
    old = environment("a", [lock], build, cache=tmp_path / "cache")
    if changed == "lock":
        lock.write_text("client==2")
    new = environment("a", [lock], build, version="3.12" if changed == "version" else "", cache=tmp_path / "cache")
    assert new != old
    assert new.is_dir()
    assert not old.exists()
    assert other.is_dir()


def test_a_half_made_one_is_made_anew(lock: Path, tmp_path: Path) -> None:
    build = Built()
    build.breaks = True
    with pytest.raises(AssertionError):
        environment("a", [lock], build, cache=tmp_path / "cache")
    build.breaks = False
    assert environment("a", [lock], build, cache=tmp_path / "cache") == build.folders[0]
    assert len(build.folders) == 2


def test_versions_are_those_of_the_locks() -> None:
    assert locked_version("openai-1", "openai").startswith("1.")
    with pytest.raises(AssertionError, match="make lock"):
        locked_version("openai-1", "ope")


def test_every_list_of_requirements_is_locked() -> None:
    assert {path.stem for path in LOCKS.glob("*.in")} == {path.stem for path in LOCKS.glob("*.txt")}
