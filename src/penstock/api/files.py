"""/v1/files: what batches read, and what they write."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import quote

from fastapi import APIRouter, Response
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
from penstock.web.access import BATCH
from penstock.web.asgi import BrokenOff
from penstock.web.gate import Gate
from penstock.web.routing import NO_STORE, Asked, Routing, route

log = logging.getLogger(__name__)

PATH, _ONE = "/v1/files", "/v1/files/{id}"
_ID = {"id": "The file's id."}
_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_WHOLE = re.compile(r"[0-9]{1,18}")
_NOT_IN_QUOTES = re.compile(r"[^ !#-\[\]-~]")
"""What a quoted string of ASCII cannot hold as it is."""

CREATE = route(
    "POST",
    PATH,
    "createFile",
    "Upload a file of at most 200 MB",
    request=NewFile,
    request_media="multipart/form-data",
    answer=FileObject,
    access=BATCH,
    errors=(InsufficientQuota, ServerOverloaded, StorageAway),
)
LIST = route("GET", PATH, "listFiles", "List files", query=FileQuery, answer=FileList, access=BATCH)
SHOW = route(
    "GET", _ONE, "retrieveFile", "Show a file", answer=FileObject, access=BATCH, parameters=_ID, errors=(NotFound,)
)
CONTENT = route(
    "GET",
    f"{_ONE}/content",
    "downloadFile",
    "Give what is in a file",
    answer=str,
    media_type="application/octet-stream",
    media=("application/jsonl",),
    access=BATCH,
    parameters=_ID,
    errors=(NotFound, StorageAway),
)
DELETE = route(
    "DELETE", _ONE, "deleteFile", "Delete a file", answer=FileDeleted, access=BATCH, parameters=_ID, errors=(NotFound,)
)


def files_router(gate: Gate, files: Files) -> APIRouter:
    """The routes."""
    routing = Routing(gate)
    FileRoutes(files).add_to(routing)
    return routing.router


class FileRoutes:
    """The routes."""

    operations = (CREATE, LIST, SHOW, CONTENT, DELETE)

    def __init__(self, files: Files) -> None:
        self._files = files

    def add_to(self, routing: Routing) -> None:
        routing.add(CREATE, self.create)
        routing.add(LIST, self.list)
        routing.add(SHOW, self.show)
        routing.add(CONTENT, self.content)
        routing.add(DELETE, self.delete)

    async def create(self, asked: Asked) -> Struct:
        caller, headers = asked.caller, asked.scope["headers"]
        boundary = boundary_of(headers)
        check_announced(headers, most_bytes=MOST_BYTES)

        async def fill(upload: Upload) -> Told:
            form = await read_form(boundary, asked.receive, upload.write, most_bytes=MOST_BYTES)
            told = _told(form.fields, form.filename)
            return Told(form.filename or "", told.seconds)

        file = await self._files.create(caller.account_id, fill, quota=quota_of(caller), project_id=caller.project_id)
        return _shown(file)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(FileQuery)
        page = await self._files.page(
            asked.caller.account_id,
            purpose=wanted.purpose,
            after=wanted.after,
            limit=wanted.limit,
            oldest_first=wanted.order == "asc",
        )
        data = [_shown(file) for file in page.rows]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return FileList(data=data, first_id=first, last_id=last, has_more=page.has_more)

    async def show(self, asked: Asked) -> Struct:
        return _shown(await self._file(asked))

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
        parts = self._files.read(file)
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
        await self._files.delete(asked.caller.account_id, id_)
        return FileDeleted(id=id_)

    async def _file(self, asked: Asked) -> File:
        return await self._files.get(asked.caller.account_id, asked.named("id"))


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


def _shown(file: File) -> FileObject:
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
