"""Passwords, plans, sessions, invitations, the audit log, and what keys and the ledger have gained."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_DIMENSIONS = ("account_id", "key_id", "project_id", "model", "endpoint", "tier")
_FIGURES = ("requests", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")

_COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("accounts", sa.Column("plan", sa.Text(), nullable=False, server_default="free")),
    ("accounts", sa.Column("password_hash", sa.Text())),
    ("accounts", sa.Column("disabled_at", sa.Float())),
    ("api_keys", sa.Column("project_id", sa.Text())),
    ("api_keys", sa.Column("previous_digest", sa.Text())),
    ("api_keys", sa.Column("previous_until", sa.Float())),
    ("api_keys", sa.Column("scopes", _JSON, nullable=False, server_default='["inference", "batch"]')),
    ("api_keys", sa.Column("models", _JSON)),
    ("api_keys", sa.Column("limits", _JSON, nullable=False, server_default="{}")),
    ("api_keys", sa.Column("disabled_at", sa.Float())),
    ("api_keys", sa.Column("last_used_at", sa.Float())),
    ("api_keys", sa.Column("maker_key_id", sa.Text())),
    ("usage", sa.Column("project_id", sa.Text())),
    ("usage", sa.Column("error_code", sa.Text())),
    ("usage", sa.Column("load_ms", sa.Float())),
    ("usage", sa.Column("prefill_ms", sa.Float())),
    ("usage", sa.Column("decode_ms", sa.Float())),
    ("usage", sa.Column("tier", sa.Text(), nullable=False, server_default="default")),
    ("usage", sa.Column("batch", sa.Boolean(), nullable=False, server_default=sa.false())),
    *(
        ("usage", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        for name in ("input_price", "cached_input_price", "output_price", "cost")
    ),
)


def upgrade() -> None:
    """Add the tables, then the columns."""
    _make_tables()
    _make_sessions_and_audit()
    for table, column in _COLUMNS:
        op.add_column(table, column)
    op.execute("UPDATE accounts SET plan = 'unlimited' WHERE id = 'acct_operator'")
    op.create_index("uq_api_keys_previous_digest", "api_keys", ["previous_digest"], unique=True)
    op.create_index("ix_api_keys_maker_key_id", "api_keys", ["maker_key_id"])
    op.create_index("ix_usage_created_at", "usage", ["created_at"])
    for name in ("usage_hourly", "usage_daily"):
        _make_sums(name)
    _sum_what_is_there()
    _make_audit_append_only()


def _make_tables() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("archived_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_projects_account_id_accounts"),
    )
    op.create_index("ix_projects_account_id", "projects", ["account_id"])
    op.create_table(
        "plans",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", _JSON, nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_plans"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float()),
        sa.Column("used_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("digest", name="uq_invitations_digest"),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name="fk_invitations_created_by_accounts"),
        sa.ForeignKeyConstraint(["used_by"], ["accounts.id"], name="fk_invitations_used_by_accounts"),
    )


def _make_sessions_and_audit() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("last_seen_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id_accounts"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("key_id", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("details", _JSON, nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at_id", "audit", ["at", "id"])


def _make_sums(name: str) -> None:
    op.create_table(
        name,
        sa.Column("start", sa.BigInteger(), nullable=False, autoincrement=False),
        *(sa.Column(dimension, sa.Text(), nullable=False) for dimension in _DIMENSIONS),
        sa.Column("batch", sa.Boolean(), nullable=False),
        *(sa.Column(figure, sa.BigInteger(), nullable=False) for figure in _FIGURES),
        sa.PrimaryKeyConstraint("start", *_DIMENSIONS, "batch", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_account_id_start", name, ["account_id", "start"])


def _sum_what_is_there() -> None:
    usage = sa.table("usage", *map(sa.column, ("created_at", "outcome", *_DIMENSIONS, "batch", *_FIGURES)))
    second = sa.cast(usage.c.created_at, sa.BigInteger)
    dimensions = [sa.literal("") if name == "project_id" else usage.c[name] for name in _DIMENSIONS]
    counts = [sa.func.count(), sa.func.sum(sa.case((usage.c.outcome == "failed", 1), else_=0))]
    for name, seconds in (("usage_hourly", 3600), ("usage_daily", 86400)):
        start = second - second % seconds
        sums = sa.select(start, *dimensions, usage.c.batch, *counts, *(sa.func.sum(usage.c[f]) for f in _FIGURES[2:]))
        columns = ("start", *_DIMENSIONS, "batch", *_FIGURES)
        into = sa.table(name, *map(sa.column, columns))
        op.execute(into.insert().from_select(columns, sums.group_by(start, *dimensions, usage.c.batch)))


def _make_audit_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
    )
