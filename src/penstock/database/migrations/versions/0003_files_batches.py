"""Files, batches, the lines of batches, and who runs them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    _make_files()
    _make_batches()
    _make_lines()
    op.create_table(
        "batch_runners",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("models", _JSON, nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batch_runners"),
    )


def _make_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text()),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float()),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_files_account_id_accounts"),
        sa.UniqueConstraint("blob", name="uq_files_blob"),
    )
    op.create_index("ix_files_account_id_created_at", "files", ["account_id", "created_at"])
    op.create_index("ix_files_expires_at", "files", ["expires_at"])
    op.create_index("ix_files_deleted_at", "files", ["deleted_at"])


def _make_batches() -> None:
    moments = (
        *("in_progress_at", "finalizing_at", "completed_at", "failed_at"),
        *("expired_at", "cancelling_at", "cancelled_at"),
    )
    tokens = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text()),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("input_file_id", sa.Text(), nullable=False),
        sa.Column("completion_window", sa.Text(), nullable=False),
        sa.Column("metadata", _JSON),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ends_as", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("errors", _JSON),
        sa.Column("output_file_id", sa.Text()),
        sa.Column("error_file_id", sa.Text()),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Float()) for name in moments),
        *(_counter(name, sa.Integer()) for name in ("total", "completed", "failed")),
        *(_counter(name, sa.BigInteger()) for name in tokens),
        sa.Column("runner_id", sa.Text()),
        _counter("generation", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_batches_account_id_accounts"),
    )
    op.create_index("ix_batches_account_id_created_at", "batches", ["account_id", "created_at"])
    op.create_index("ix_batches_status", "batches", ["status"])
    op.create_index("ix_batches_input_file_id", "batches", ["input_file_id"])


def _make_lines() -> None:
    op.create_table(
        "batch_lines",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("custom_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prefix", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("suspect", sa.Boolean(), nullable=False, server_default=sa.false()),
        _counter("deaths", sa.Integer()),
        sa.Column("runner_id", sa.Text()),
        _counter("generation", sa.Integer()),
        sa.Column("status", sa.Integer()),
        sa.Column("result", sa.Text()),
        sa.PrimaryKeyConstraint("batch_id", "line", name="pk_batch_lines"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_lines_batch_id_batches"),
    )
    wanted = ["batch_id", "state", "suspect", "model", "prefix", "line"]
    op.create_index("ix_batch_lines_batch_id_state_suspect_model_prefix_line", "batch_lines", wanted)
    op.create_index("ix_batch_lines_runner_id", "batch_lines", ["runner_id"])


def _counter(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default="0")
