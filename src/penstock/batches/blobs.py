"""Where the bodies of files are: a folder, or a store of objects that several servers share."""

import asyncio
import errno
import logging
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from penstock.errors import OperatorError, StorageAway

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from obstore import AsyncWritableFile

_FOLDER_BUFFER_BYTES = 1 << 20
_STORE_BUFFER_BYTES = 8 << 20
"""What is written at once; S3 takes no part but the last of less than 5 MiB."""
_WRITES_AT_ONCE = 2
_READ_BYTES = 256 << 10
_RETRY_SECONDS = 5
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Blob:
    """One body in the store: its name, its size in bytes, and when it was written in seconds since 1970."""

    name: str
    size: int
    written_at: float


class Writer(Protocol):
    """Takes a body part by part."""

    async def write(self, part: bytes) -> object:
        """Waits while the store is slower. Raises StorageAway."""


class Blobs:
    """Bodies by their names, which the server gives and no client. A body is there whole, or it is not there.

    Whatever a store answers that is no success raises StorageAway.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder` is where the store is, if it is one."""
        self._store = store
        self.folder = folder

    @classmethod
    def at(cls, url: str, folder: Path) -> Self:
        """The store of this URL (`s3://bucket/prefix`, `gs://`, `az://`, `file:///path`); `folder` where it is empty.

        Credentials are read from the environment, as the makers of these stores name them. Raises OperatorError.
        """
        path = Path(urlsplit(url).path) if url.startswith("file:") else folder
        try:
            if url and not url.startswith("file:"):
                return cls(from_url(url, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)}))
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(LocalStore(prefix=path), path)
        except (BaseError, OSError, ValueError) as error:
            # Without what was given: it may hold a secret.
            raise OperatorError(
                "The store of files cannot be used. files_url (PENSTOCK_FILES_URL) looks like s3://bucket/prefix, or"
                f" leave it out for a folder: {_first_line(error)}"
            ) from error

    def writing(self, name: str) -> AbstractAsyncContextManager[Writer]:
        """Write a body. It is there once the block has ended well; if it ends otherwise there is nothing."""
        size = _STORE_BUFFER_BYTES if self.folder is None else _FOLDER_BUFFER_BYTES
        opening = obstore.open_writer_async(self._store, name, buffer_size=size, max_concurrency=_WRITES_AT_ONCE)
        return _Writing(opening, None if self.folder is None else self.folder / name)

    async def read(self, name: str, *, part_bytes: int = _READ_BYTES) -> AsyncGenerator[bytes, None]:
        """A body in parts of at least `part_bytes`, but for the last."""
        with _faults_told():
            found = await obstore.get_async(self._store, name)
            parts = aiter(found.stream(min_chunk_size=part_bytes))
        while True:
            with _faults_told():
                part = await anext(parts, None)
            if part is None:
                return
            yield bytes(part)

    async def ranges(self, name: str, starts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Parts of a body, each `sizes[i]` bytes from `starts[i]`."""
        with _faults_told():
            found = await obstore.get_ranges_async(self._store, name, starts=starts, lengths=sizes)
            return [bytes(part) for part in found]

    async def delete(self, name: str) -> None:
        """Remove a body; one that is not there is removed already."""
        with _faults_told(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def note(self, name: str, content: bytes) -> bytes:
        """Write something short unless it is there already; what is there then, up to 4 KB of it."""
        with _faults_told():
            with suppress(AlreadyExistsError):
                await obstore.put_async(self._store, name, content, mode="create")
            found = await obstore.get_async(self._store, name, options={"range": (0, 4096)})
            return bytes(await found.bytes_async())

    async def all(self) -> AsyncGenerator[Blob, None]:
        """Every body there is."""
        with _faults_told():
            async for page in obstore.list(self._store):
                for found in page:
                    yield Blob(found["path"], found["size"], found["last_modified"].timestamp())


class _Writing:
    """A body that is being written; what goes wrong in its block and is not the store's is left as it is."""

    def __init__(self, opening: "AsyncWritableFile", path: Path | None) -> None:
        self._opening = opening
        self._path = path

    async def __aenter__(self) -> Self:
        with _faults_told():
            self._opened = await self._opening.__aenter__()
        return self

    async def write(self, part: bytes) -> None:
        with _faults_told():
            await self._opened.write(part)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _faults_told():
            await self._opening.__aexit__(kind, error, trace)
            if kind is None and self._path is not None:
                await asyncio.to_thread(_bring_to_disk, self._path)


def _bring_to_disk(path: Path) -> None:
    """What was answered for is there after a power failure too."""
    for one in (path, path.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.warning("the store of files: %s", _first_line(error))
        message = "The store of files does not do what was asked of it. Whoever runs this server finds why in its log."
        if _no_room(error):
            message = (
                "There is no room left for this file on the server's disk. Whoever runs the server has to make some."
            )
        raise StorageAway(message, retry_after=_RETRY_SECONDS) from error


def _no_room(error: Exception) -> bool:
    """The store's own errors have the system's number in their text alone."""
    return any(getattr(error, "errno", None) == code or f"(os error {code})" in str(error) for code in _NO_ROOM)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
