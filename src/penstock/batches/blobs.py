"""Where the bodies of files are: a folder, or a store of objects that several servers share."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from penstock.errors import OperatorError, StorageAway

_WRITE_BUFFER_BYTES = 8 << 20
"""What is written at once; S3 takes no part but the last of less than 5 MiB."""
_READ_BYTES = 256 << 10
_RETRY_SECONDS = 5


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

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def at(cls, url: str, folder: Path) -> Self:
        """The store of this URL (`s3://bucket/prefix`, `gs://`, `az://`, `file:///path`); `folder` where it is empty.

        Credentials are read from the environment, as the makers of these stores name them. Raises OperatorError.
        """
        path = Path(urlsplit(url).path) if url.startswith("file:") else folder
        try:
            if url and not url.startswith("file:"):
                return cls(from_url(url))
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(LocalStore(prefix=path))
        except (BaseError, OSError, ValueError) as error:
            # Without what was given: it may hold a secret.
            raise OperatorError(
                "The store of files cannot be used. files_url (PENSTOCK_FILES_URL) looks like s3://bucket/prefix, or"
                f" leave it out for a folder: {_first_line(error)}"
            ) from error

    @asynccontextmanager
    async def writing(self, name: str) -> AsyncIterator[Writer]:
        """Write a body. It is there once the block has ended well; if it ends otherwise there is nothing."""
        with _faults_told():
            async with obstore.open_writer_async(self._store, name, buffer_size=_WRITE_BUFFER_BYTES) as writer:
                yield writer

    async def read(self, name: str, *, part_bytes: int = _READ_BYTES) -> AsyncIterator[bytes]:
        """A body in parts of at least `part_bytes`, but for the last."""
        with _faults_told():
            found = await obstore.get_async(self._store, name)
            async for part in found.stream(min_chunk_size=part_bytes):
                yield bytes(part)

    async def ranges(self, name: str, starts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Parts of a body, each `sizes[i]` bytes from `starts[i]`."""
        with _faults_told():
            found = await obstore.get_ranges_async(self._store, name, starts=starts, lengths=sizes)
            return [bytes(part) for part in found]

    async def delete(self, name: str) -> None:
        """Remove a body; one that is not there is removed already."""
        try:
            with _faults_told():
                await obstore.delete_async(self._store, name)
        except StorageAway as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise

    async def all(self) -> AsyncIterator[Blob]:
        """Every body there is."""
        with _faults_told():
            async for page in obstore.list(self._store):
                for found in page:
                    yield Blob(found["path"], found["size"], found["last_modified"].timestamp())


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        message = "The store of files does not do what was asked of it. Whoever runs this server finds why in its log."
        raise StorageAway(message, retry_after=_RETRY_SECONDS) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
