"""/api/files: the files of whoever is signed in."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.api.files import FileRoutes, operations_of, shown
from penstock.protocol.files import FileObject, Purpose
from penstock.protocol.validation import NO_NUL
from penstock.web.access import ACTING, SIGNED_IN
from penstock.web.lists import List, order_of
from penstock.web.routing import Asked
from penstock.web.wanted import Id

FileOrder = Literal[
    "created_at", "-created_at", "filename", "-filename", "bytes", "-bytes", "expires_at", "-expires_at",
]  # fmt: skip


class OwnFilesQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which files."""

    purpose: Purpose | None = None
    search: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] = ""
    """Part of a name."""
    sort: FileOrder = "-created_at"
    """What the list is sorted by; with `-` the largest comes first."""
    after: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class FileListed(FileObject, kw_only=True):
    """A file, and what became of it."""

    used_by: list[str]
    """The newest batches that read it or wrote it, three at most."""


class OwnFileList(List, kw_only=True):
    """A page of files."""

    data: list[FileListed]


class OwnFiles(FileRoutes):
    """The same routes, for sessions; the list is sorted and filtered."""

    operations = operations_of(
        "/api/files",
        "OwnFile",
        making=ACTING,
        reading=SIGNED_IN,
        listing={"query": OwnFilesQuery, "answer": OwnFileList},
    )

    async def list(self, asked: Asked) -> Struct:
        wanted, account_id = asked.query(OwnFilesQuery), asked.visitor.account_id
        sort, ascending = order_of(wanted.sort)
        page = await self.files.page(
            account_id,
            purpose=wanted.purpose,
            after=wanted.after,
            limit=wanted.limit,
            oldest_first=ascending,
            sort=sort,
            search=wanted.search,
        )
        ids = [file.id for file in page.rows]
        uses = await self.files.uses(account_id, ids)
        data = [FileListed(**_fields(shown(file)), used_by=uses[file.id]) for file in page.rows]
        first, last = (ids[0], ids[-1]) if ids else (None, None)
        return OwnFileList(data=data, first_id=first, last_id=last, has_more=page.has_more)


def _fields(struct: Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
