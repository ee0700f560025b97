"""One file as it is kept; its body is a blob."""

from dataclasses import dataclass, fields

from penstock.database.tables import files
from penstock.protocol.files import Purpose

OUTPUT_SECONDS = 30 * 86_400.0
"""How long a batch's output and error files stay."""


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
