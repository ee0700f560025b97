import threading
from pathlib import Path

import psutil
import pytest
from catalogue.small_models import GGUF, Pulling, downloaders, entry, files_below, pulling_process, sha256
from file_server import COMMIT, FileServer
from running_server import ended, eventually

from penstock.catalogue.models import Model
from penstock.catalogue.pull import Progress, WrongFile, pull
from penstock.catalogue.store import ModelStore, PullStopped
from penstock.errors import OperatorError

OTHER = b"GGUF of another kind"
LARGE = GGUF * 40
"""The hub's client writes its first bytes after 10 MiB."""


def pulled(model: Model, store: ModelStore) -> tuple[Path | None, list[Progress]]:
    heard: list[Progress] = []
    return pull(model, store, progress=heard.append, stop=threading.Event()), heard


def test_the_only_gguf_of_a_repository_is_fetched(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"README.md": b"# A model", "tiny.gguf": GGUF})
    path, heard = pulled(entry("hf:org/repo"), store)
    assert path == store.root / "test--tiny" / "model.gguf"
    assert path.read_bytes() == GGUF
    assert files_below(store.root) == ["test--tiny/model.gguf"]
    assert heard[-1] == Progress(len(GGUF), len(GGUF), "ready")
    received = [one for one in heard if one.stage == "downloading"]
    assert received[-1].received_bytes == received[-1].total_bytes == len(GGUF)


def test_what_is_fetched_is_the_commit_that_was_looked_at(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    pulled(entry("hf:org/repo"), store)
    assert [path for method, path, _ in hub.asked if method == "GET" and path.endswith(".gguf")] == [
        f"/org/repo/resolve/{COMMIT}/tiny.gguf"
    ]


@pytest.mark.parametrize("source", ["hf:org/repo/q4/b.gguf", "hf:org/repo/q4/b.gguf@main"])
def test_one_file_of_many_is_named(store: ModelStore, hub: FileServer, source: str) -> None:
    hub.add_repository("org/repo", {"a.gguf": OTHER, "q4/b.gguf": GGUF})
    path, _ = pulled(entry(source), store)
    assert path == store.root / "test--tiny" / "b.gguf"
    assert path.read_bytes() == GGUF


def test_a_repository_with_several_asks_for_a_name(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"a.gguf": OTHER, "b.gguf": GGUF})
    with pytest.raises(OperatorError, match=r"2 \.gguf files \(a\.gguf, b\.gguf\); name one: hf:org/repo/FILE"):
        pulled(entry("hf:org/repo"), store)


@pytest.mark.parametrize("source", ["hf:org/repo/none.gguf", "hf:org/none", "hf:org/none/none.gguf"])
def test_what_is_not_there_is_told_with_the_next_step(store: ModelStore, hub: FileServer, source: str) -> None:
    hub.add_repository("org/repo", {"a.gguf": GGUF})
    with pytest.raises(OperatorError) as raised:
        pulled(entry(source), store)
    assert "404" in raised.value.message or "not found" in raised.value.message.lower()
    assert "penstock models pull test/tiny" in raised.value.message
    assert "Traceback" not in raised.value.message


def test_a_hub_that_cannot_be_reached_is_told(
    store: ModelStore, hub: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OperatorError, match=r"(?i)could not be downloaded: .*connect"):
        pulled(entry("hf:org/repo/a.gguf"), store)


def test_a_broken_download_goes_on_where_it_broke(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": LARGE})
    hub.cuts = [15_000_000]
    path, _ = pulled(entry("hf:org/repo/tiny.gguf"), store)
    assert path is not None
    assert path.read_bytes() == LARGE
    first, second = hub.gets(".gguf")
    assert first == ""
    assert int(second.removeprefix("bytes=").removesuffix("-")) >= 10_000_000


def test_a_stopped_download_goes_on_in_the_next_pull(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": LARGE})
    model = entry("hf:org/repo/tiny.gguf", sha256=sha256(LARGE))
    hub.gate.clear()
    pulling = Pulling(model, store)
    have = eventually(lambda: sum(path.stat().st_size for path in store.partial_of(model).glob("*.download")))
    pulling.stop.set()
    with pytest.raises(PullStopped):
        pulling.end()
    assert downloaders() == []
    assert not store.is_present(model)
    hub.gate.set()
    path, _ = pulled(model, store)
    assert path is not None
    assert path.read_bytes() == LARGE
    resumed = hub.gets(".gguf")[-1]
    assert int(resumed.removeprefix("bytes=").removesuffix("-")) >= have
    assert files_below(store.root) == ["test--tiny/tiny.gguf"]


def test_the_downloader_ends_with_its_killed_parent(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": LARGE})
    hub.gate.clear()
    with pulling_process("hf:org/repo/tiny.gguf", store) as parent:
        eventually(lambda: hub.gets(".gguf"))
        (orphan,) = psutil.Process(parent.pid).children()
    eventually(lambda: ended(orphan))


def test_what_is_left_of_another_content_is_not_gone_on_with(store: ModelStore, hub: FileServer) -> None:
    model = entry("hf:org/repo/tiny.gguf")
    left = store.partial_of(model) / "0123456789abcdef.download"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"GGUF of last year")
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    path, _ = pulled(model, store)
    assert path is not None
    assert path.read_bytes() == GGUF
    assert hub.gets(".gguf") == [""]


def test_a_file_that_differs_from_the_hubs_own_hash_is_refused(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    for revision in ("main", COMMIT):
        hub.etags[f"/org/repo/resolve/{revision}/tiny.gguf"] = sha256(OTHER)
    with pytest.raises(WrongFile, match=f"its SHA-256 is {sha256(GGUF)}, expected was {sha256(OTHER)}"):
        pulled(entry("hf:org/repo/tiny.gguf"), store)
    assert files_below(store.root) == []


def test_a_file_that_differs_from_the_entrys_hash_is_refused(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    with pytest.raises(WrongFile, match=sha256(OTHER)):
        pulled(entry("hf:org/repo/tiny.gguf", sha256=sha256(OTHER)), store)
    assert files_below(store.root) == []


def test_an_entity_tag_that_is_no_hash_is_not_taken_for_one(store: ModelStore, hub: FileServer) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    for revision in ("main", COMMIT):
        hub.etags[f"/org/repo/resolve/{revision}/tiny.gguf"] = "0" * 40
    assert pulled(entry("hf:org/repo/tiny.gguf"), store)[0] is not None


def test_the_operators_own_token_opens_the_hub(
    store: ModelStore, hub: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_repository("org/repo", {"tiny.gguf": GGUF})
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    pulled(entry("hf:org/repo/tiny.gguf"), store)
    assert hub.keys == {"Bearer hf_canary"}
