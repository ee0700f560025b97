"""One batch as it is kept.

    validating ──▶ in_progress ──▶ finalizing ──▶ completed
        │               │   └─────▶ (time is up) ─▶ expired      its finalizing_at is set as well
        ▼               └─────────▶ cancelling ───▶ cancelled    from validating, too
      failed

`ends_as` says what a batch that is finalizing or cancelling will be. Every way there but `failed` assembles the files.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from penstock.database.tables import batches
from penstock.protocol.batches import BatchEndpoint, BatchStatus

End = Literal["completed", "expired", "cancelled"]
OVER: tuple[BatchStatus, ...] = ("completed", "failed", "expired", "cancelled")
"""The states that nothing changes in any more."""


@dataclass(frozen=True)
class Batch:
    """One batch. Times are in seconds since 1970."""

    id: str
    account_id: str
    project_id: str | None
    key_id: str
    endpoint: BatchEndpoint
    input_file_id: str
    completion_window: str
    """`24h`."""
    metadata: dict[str, str] | None
    status: BatchStatus
    ends_as: End | None
    model: str | None
    errors: list[dict[str, Any]] | None
    """Those of protocol's BatchFault."""
    output_file_id: str | None
    error_file_id: str | None
    created_at: float
    in_progress_at: float | None
    expires_at: float
    finalizing_at: float | None
    completed_at: float | None
    failed_at: float | None
    expired_at: float | None
    cancelling_at: float | None
    cancelled_at: float | None
    total: int
    completed: int
    failed: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    generation: int


SHOWN = [batches.c[field.name] for field in fields(Batch)]
