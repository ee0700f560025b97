"""A store, and places to pull from, on this machine alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogue.small_models import write_wheel
from file_server import FileServer, file_server

from penstock.catalogue.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models")


@pytest.fixture
def links(tmp_path: Path, settings_of_pip: pytest.MonkeyPatch) -> Path:
    """The folder in which pip looks for wheels, and nowhere else."""
    folder = tmp_path / "links"
    folder.mkdir()
    settings_of_pip.setenv("PIP_NO_INDEX", "1")
    settings_of_pip.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, settings_of_pip: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A package index on loopback that has version 1.0 of tiny-model."""
    with file_server() as server:
        server.add_wheel(write_wheel(tmp_path))
        settings_of_pip.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        yield server


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A hub on loopback."""
    with file_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield server
