"""The key that an account's console acts by, and what the history of requests is found by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the mark of such a key, of which an account has one, and the columns and the indices of the history."""
    op.add_column("api_keys", sa.Column("of_console", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "uq_api_keys_of_console",
        "api_keys",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("of_console"),
        postgresql_where=sa.text("of_console"),
    )
    _make_history()


def _make_history() -> None:
    op.add_column("usage", sa.Column("limit_hit", sa.Text()))
    op.add_column("usage", sa.Column("frees_at", sa.Float()))
    op.add_column("usage", sa.Column("batch_id", sa.Text()))
    # The id of a line's request has that of its batch in it: req_, 24 digits, _ and the line's number.
    op.execute(
        "UPDATE usage SET batch_id = 'batch_' || substr(request_id, 5, 24) WHERE substr(request_id, 29, 1) = '_'"
    )
    of_batch = sa.text("batch_id IS NOT NULL")
    op.create_index(
        "ix_usage_of_batch", "usage", ["batch_id", "created_at"], sqlite_where=of_batch, postgresql_where=of_batch
    )
    for second in ("key_id", "model"):
        op.create_index(f"ix_usage_account_id_{second}_created_at", "usage", ["account_id", second, "created_at"])
    for name, columns in (
        ("ix_usage_unfinished_of_account", ["account_id", "outcome", "created_at", "error_code", "status"]),
        ("ix_usage_unfinished", ["outcome", "created_at", "error_code", "status"]),
    ):
        unfinished = sa.text("outcome <> 'completed'")
        op.create_index(name, "usage", columns, sqlite_where=unfinished, postgresql_where=unfinished)
