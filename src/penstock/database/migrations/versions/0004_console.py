"""The key that an account's console acts by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the mark of such a key; an account has one of them."""
    op.add_column("api_keys", sa.Column("of_console", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "uq_api_keys_of_console",
        "api_keys",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("of_console"),
        postgresql_where=sa.text("of_console"),
    )
