"""Files on their way to a server and back, part by part: nothing of them is ever whole in memory."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from penstock.cli.client import Client
from penstock.errors import OperatorError
from penstock.protocol.files import MOST_BYTES

Told = Callable[[int], None]
"""Hears how many bytes more have gone."""

_PART_BYTES = 1 << 18


def upload(
    client: Client, path: Path, *, told: Told = lambda _: None, fields: dict[str, str] | None = None
) -> dict[str, Any]:
    """The server's object for the file at `path`, which is there for batches to read.

    `fields` go along, beside the purpose. Raises OperatorError where the file cannot be read or is too large, and as
    Client does.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise OperatorError(f"{path} has {size:,} bytes; a file may have {MOST_BYTES:,}.")
        boundary = f"penstock-{secrets.token_hex(16)}"
        before, after = _around(path.name, boundary, {"purpose": "batch", **(fields or {})})
        return client.upload(
            "/v1/files",
            _body(file, size, before, after, told),
            size=len(before) + size + len(after),
            media_type=f"multipart/form-data; boundary={boundary}",
        )


def save(client: Client, file_id: str, path: Path, *, told: Told = lambda _: None) -> int:
    """Put what is in the file `file_id` at `path`: all of it, or nothing. The number of its bytes."""
    with Draft(path) as draft:
        count = 0
        for part in parts_of(client, file_id):
            draft.write(part)
            count += len(part)
            told(len(part))
    return count


def parts_of(client: Client, file_id: str) -> Iterator[bytes]:
    """What is in a file, as it comes. Raises as Client does, and BrokenOff where not all of it came."""
    with client.download(f"/v1/files/{quote(file_id, safe='')}/content") as download:
        yield from download


class Draft:
    """A file in the making, beside the place that it takes when the block ends well. Otherwise it goes.

    Raises OperatorError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "Draft":
        self._draft = self._path.with_name(f".{self._path.name[:200]}.{secrets.token_hex(4)}.part")
        try:
            self._file = self._draft.open("xb")
        except OSError as error:
            raise self._unwritten(error) from error
        return self

    def write(self, part: bytes) -> None:
        try:
            self._file.write(part)
        except OSError as error:
            raise self._unwritten(error) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                self._draft.replace(self._path)
        except OSError as error:
            if kind is None:
                raise self._unwritten(error) from error
        finally:
            self._draft.unlink(missing_ok=True)

    def _unwritten(self, error: OSError) -> OperatorError:
        return OperatorError(f"{self._path} cannot be written: {error.strerror}.")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error


def _around(name: str, boundary: str, fields: dict[str, str]) -> tuple[bytes, bytes]:
    """What stands before and after the bytes of the file in the form."""
    # As browsers write it: these three would end the name early.
    shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode("utf-8", "replace")
    before = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n' % (boundary.encode(), shown)
    given = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    return before, f"\r\n{given}--{boundary}--\r\n".encode()


def _body(file: BinaryIO, size: int, before: bytes, after: bytes, told: Told) -> Iterator[bytes]:
    """The form in parts. A file that grows meanwhile is sent as long as it was; one that shrinks is an error."""
    yield before
    left = size
    while left:
        part = file.read(min(left, _PART_BYTES))
        if not part:
            raise OperatorError("The file became shorter while it was read.")
        left -= len(part)
        yield part
        told(len(part))
    yield after
