"""What files look like on the wire."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

MOST_BYTES = 200_000_000
"""Of one file."""

Purpose = Literal["batch", "batch_output"]
Life = Annotated[int, Meta(ge=3600, le=2_592_000)]
"""Seconds from one hour to thirty days."""


class FileForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of an upload beside the file."""

    purpose: Literal["batch"]
    anchor: Literal["created_at"] | None = field(default=None, name="expires_after[anchor]")
    """What the life of the file counts from."""
    seconds: Life | None = field(default=None, name="expires_after[seconds]")


class NewFile(FileForm, forbid_unknown_fields=True, kw_only=True):
    """An upload, as a form."""

    file: Annotated[str, Meta(extra_json_schema={"format": "binary"})]


class FileObject(Struct, kw_only=True):
    """One file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | UnsetType = UNSET
    """Not there where the file stays until it is deleted."""
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"


class FileDeleted(Struct, kw_only=True):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class FileList(Struct, kw_only=True):
    """A page of files."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of the list."""

    purpose: Purpose | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"
