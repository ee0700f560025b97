"""One file as it is kept; its body is a blob."""

import re
import secrets
from dataclasses import dataclass, fields

from penstock.database.tables import files
from penstock.protocol.files import Purpose

OUTPUT_SECONDS = 30 * 86_400.0
"""How long a batch's output and error files stay."""
LONGEST_NAME = 255

_PREFIX = "file-"
_BLOB = re.compile(r"[0-9a-f]{2}/file-[0-9a-f]{24}")


@dataclass(frozen=True)
class File:
    """One file. Times are in seconds since 1970."""

    id: str
    account_id: str
    project_id: str | None
    filename: str
    """As the client gave it: text to show, and never a path."""
    purpose: Purpose
    bytes: int
    created_at: float
    expires_at: float | None
    blob: str
    """The name of its body in the store."""


SHOWN = [files.c[field.name] for field in fields(File)]


def new_file_id() -> str:
    """An id that nobody guesses."""
    return f"{_PREFIX}{secrets.token_hex(12)}"


def blob_of(file_id: str) -> str:
    """What the body of the file with this id is called in the store."""
    number = file_id.removeprefix(_PREFIX)
    return f"{number[:2]}/{file_id}"


def is_blob(name: str) -> bool:
    """Whether a body could be called so: what else is in the store is not ours."""
    return _BLOB.fullmatch(name) is not None


def clean_filename(name: str) -> str:
    """The name as text that can be shown and kept anywhere: printable, and of at most 255 characters."""
    return "".join(one if one.isprintable() else "\ufffd" for one in name[:LONGEST_NAME]) or "upload"
