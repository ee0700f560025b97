import threading
from pathlib import Path

import pytest
from catalogue.small_models import GGUF, entry, tiny

from penstock.catalogue.models import load_catalogue
from penstock.catalogue.store import ModelStore, PullStopped, megabytes, require_space
from penstock.errors import OperatorError


def put(store: ModelStore, body: bytes = GGUF) -> Path:
    path = store.path_of(tiny())
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def test_a_model_has_a_folder_of_its_own(store: ModelStore) -> None:
    assert store.path_of(tiny()) == store.root / "test--tiny" / "tiny.gguf"
    assert store.partial_of(tiny()) == store.root / "test--tiny" / ".partial"
    assert not store.root.exists()


def test_a_file_of_the_operator_stays_where_it_is_and_is_never_deleted(store: ModelStore, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(GGUF)
    model = entry(f"file:{own}")
    assert store.path_of(model) == own
    assert store.is_present(model)
    assert store.bytes_on_disk(model) == store.remove(model) == 0
    assert own.read_bytes() == GGUF


def test_an_engine_without_a_file_wants_none(store: ModelStore) -> None:
    echo = load_catalogue([], {}).get("echo")
    assert store.path_of(echo) is None
    assert store.is_present(echo)


def test_present_is_the_whole_file(store: ModelStore) -> None:
    model = tiny(size_bytes=len(GGUF))
    assert not store.is_present(model)
    put(store, GGUF[:-1])
    assert not store.is_present(model)
    put(store)
    assert store.is_present(model)


def test_removing_takes_the_unfinished_too_and_gives_the_bytes(store: ModelStore) -> None:
    put(store)
    store.partial_of(tiny()).mkdir()
    (store.partial_of(tiny()) / "x.whl").write_bytes(b"12345")
    assert store.bytes_on_disk(tiny()) == len(GGUF) + 5
    assert store.remove(tiny()) == len(GGUF) + 5
    assert not store.folder_of(tiny()).exists()
    assert store.remove(tiny()) == 0


def test_what_is_being_pulled_cannot_be_removed(store: ModelStore) -> None:
    path = put(store)
    with (
        store.locked(tiny(), threading.Event()),
        pytest.raises(OperatorError, match=r"test/tiny is being pulled. Stop"),
    ):
        store.remove(tiny())
    assert path.exists()
    assert store.remove(tiny()) == len(GGUF)


def test_a_wait_for_the_lock_can_be_stopped(store: ModelStore) -> None:
    stop = threading.Event()
    stop.set()
    with (
        store.locked(tiny(), threading.Event()),
        pytest.raises(PullStopped, match="models pull test/tiny"),
        store.locked(tiny(), stop),
    ):
        pass


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ModelStore(tmp_path / "file" / "models")
    with (
        pytest.raises(OperatorError, match=r"cannot be written: Not a directory.*--data-dir"),
        store.locked(tiny(), threading.Event()),
    ):
        pass


def test_missing_space_is_told_in_numbers(tmp_path: Path) -> None:
    require_space(tmp_path, 1, "It")
    with pytest.raises(OperatorError, match=r"It needs 1000000\.0 GB of disk .* GB are missing\. Free them, or"):
        require_space(tmp_path, 10**15, "It")


@pytest.mark.parametrize(("count", "text"), [(0, "0.0 MB"), (98_362_432, "98.4 MB"), (4_200_000_000, "4.2 GB")])
def test_bytes_in_words(count: int, text: str) -> None:
    assert megabytes(count) == text
