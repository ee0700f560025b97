"""/v1/files: what batches read, and what they write."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse
from msgspec import UNSET, Struct

from penstock.api.multipart import boundary_of, check_announced, read_form
from penstock.batches.file import File
from penstock.batches.files import Files, Told, Upload
from penstock.batches.quota import quota_of
from penstock.errors import (
    InsufficientQuota,
    InvalidRequest,
    NotFound,
    ServerOverloaded,
    StorageAway,
)
from penstock.protocol.files import MOST_BYTES, FileDeleted, FileForm, FileList, FileObject, FileQuery, NewFile
from penstock.protocol.validation import convert
from penstock.web.access import BATCH, Access
from penstock.web.asgi import BrokenOff
from penstock.web.operation import Operation
from penstock.web.routing import NO_STORE, Answer, Asked, Routing, route

log = logging.getLogger(__name__)

OfFiles = tuple[Operation, Operation, Operation, Operation, Operation]

_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_WHOLE = re.compile(r"[0-9]{1,18}")
_NOT_IN_QUOTES = re.compile(r"[^ !#-\[\]-~]")
"""What a quoted string of ASCII cannot hold as it is."""


def operations_of(path: str, called: str, *, making: Access, reading: Access, listing: dict[str, Any]) -> OfFiles:
    """The operations at this path, in the order of `FileRoutes`; `called` is a file in their names."""
    one: dict[str, Any] = {"access": reading, "parameters": {"id": "The file's id."}}
    form = {"request": NewFile, "request_media": "multipart/form-data", "answer": FileObject, "access": making}
    create_errors = (InsufficientQuota, ServerOverloaded, StorageAway)
    content = {"answer": str, "media_type": "application/octet-stream", "media": ("application/jsonl",)}
    at, read = f"{path}/{{id}}", (NotFound, StorageAway)
    return (
        route("POST", path, f"create{called}", "Upload a file of at most 200 MB", errors=create_errors, **form),
        route("GET", path, f"list{called}s", "List files", access=reading, **listing),
        route("GET", at, f"retrieve{called}", "Show a file", answer=FileObject, errors=(NotFound,), **one),
        route("GET", f"{at}/content", f"download{called}", "Give what is in a file", errors=read, **content, **one),
        route("DELETE", at, f"delete{called}", "Delete a file", answer=FileDeleted, errors=(NotFound,), **one),
    )


class FileRoutes:
    """The routes."""

    operations = operations_of(
        "/v1/files", "File", making=BATCH, reading=BATCH, listing={"query": FileQuery, "answer": FileList}
    )

    def __init__(self, files: Files) -> None:
        self.files = files

    def add_to(self, routing: Routing) -> None:
        answers: tuple[Answer, ...] = (self.create, self.list, self.show, self.content, self.delete)
        for operation, answer in zip(self.operations, answers, strict=True):
            routing.add(operation, answer)

    async def create(self, asked: Asked) -> Struct:
        caller, headers = asked.caller, asked.scope["headers"]
        caller.require("batch")
        boundary = boundary_of(headers)
        check_announced(headers, most_bytes=MOST_BYTES)

        async def fill(upload: Upload) -> Told:
            form = await read_form(boundary, asked.receive, upload.write, most_bytes=MOST_BYTES)
            told = _told(form.fields, form.filename)
            return Told(form.filename or "", told.seconds)

        file = await self.files.create(caller.account_id, fill, quota=quota_of(caller), project_id=caller.project_id)
        return shown(file)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(FileQuery)
        page = await self.files.page(
            asked.visitor.account_id,
            purpose=wanted.purpose,
            after=wanted.after,
            limit=wanted.limit,
            oldest_first=wanted.order == "asc",
        )
        data = [shown(file) for file in page.rows]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return FileList(data=data, first_id=first, last_id=last, has_more=page.has_more)

    async def show(self, asked: Asked) -> Struct:
        return shown(await self._file(asked))

    async def content(self, asked: Asked) -> Response:
        file = await self._file(asked)
        headers = {
            **NO_STORE,
            "content-length": str(file.bytes),
            "content-disposition": _attachment(file.filename),
            "x-content-type-options": "nosniff",
        }
        if asked.scope["method"] == "HEAD":
            return Response(headers=headers, media_type=_media_type(file))
        parts = self.files.read(file)
        first = await anext(parts, b"")  # before the status is sent, so that an error has one

        async def body() -> AsyncIterator[bytes]:
            async with aclosing(parts):
                yield first
                try:
                    async for part in parts:
                        yield part
                except StorageAway as error:
                    log.warning("the body of %s broke off: %s", file.id, error.__cause__ or error)
                    raise BrokenOff from error

        return StreamingResponse(body(), headers=headers, media_type=_media_type(file))

    async def delete(self, asked: Asked) -> Struct:
        id_ = asked.named("id")
        await self.files.delete(asked.visitor.account_id, id_)
        return FileDeleted(id=id_)

    async def _file(self, asked: Asked) -> File:
        return await self.files.get(asked.visitor.account_id, asked.named("id"))


def _told(fields: dict[str, str], filename: str | None) -> FileForm:
    """What the form says beside the file. Raises InvalidRequest."""
    if filename is None:
        raise InvalidRequest("file is required.", code="missing_required_parameter", param="file")
    told = convert(fields, FileForm, unsupported={}, strict=False)
    for name, given, other in ((_ANCHOR, told.anchor, told.seconds), (_SECONDS, told.seconds, told.anchor)):
        if given is None and other is not None:
            raise InvalidRequest(f"{name} is required too.", code="missing_required_parameter", param=name)
    if told.seconds is not None and not _WHOLE.fullmatch(fields[_SECONDS]):  # msgspec would read 3.6e3 too
        raise InvalidRequest(f"{_SECONDS} must be a whole number.", code="invalid_type", param=_SECONDS)
    return told


def shown(file: File) -> FileObject:
    """A file as it looks on the wire."""
    return FileObject(
        id=file.id,
        bytes=file.bytes,
        created_at=int(file.created_at),
        expires_at=UNSET if file.expires_at is None else int(file.expires_at),
        filename=file.filename,
        purpose=file.purpose,
    )


def _media_type(file: File) -> str:
    lines = file.purpose == "batch_output" or file.filename.lower().endswith(".jsonl")
    return "application/jsonl" if lines else "application/octet-stream"


def _attachment(filename: str) -> str:
    """The header that has a browser keep the answer under this name, and not show it (RFC 6266)."""
    plain = _NOT_IN_QUOTES.sub("_", filename)
    exact = quote(filename.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
