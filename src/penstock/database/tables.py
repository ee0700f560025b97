"""The tables. SQLAlchemy Core only: rows come out as tuples and go in as mappings, and no object keeps a connection.

Times are seconds since 1970 in UTC, as floats. Ids are text, made by the server, with a prefix that tells their kind.
Money is in picos, millionths of a millionth of the currency: one token at a price of 0.35 per million costs 350,000.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# PostgreSQL can compare two values of its binary form, and not two of the other.
JSON_VALUE = JSON().with_variant(JSONB(), "postgresql")
JSON_OR_NULL = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("plan", Text, nullable=False, server_default="free"),
    Column("password_hash", Text),
    Column("disabled_at", Float),
)

# For a later version: until then every account is one project, and these columns are null.
projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("archived_at", Float),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("project_id", Text),
    # Of a secret that was replaced and opens the key for a while yet.
    Column("previous_digest", Text),
    Column("previous_until", Float),
    Column("scopes", JSON_VALUE, nullable=False, server_default='["inference", "batch"]'),
    Column("models", JSON_OR_NULL),
    Column("limits", JSON_VALUE, nullable=False, server_default="{}"),
    Column("disabled_at", Float),
    Column("last_used_at", Float),
    # The key that made this one, which can never do more.
    Column("maker_key_id", Text),
    # What its account does in the console is done by this key, whose secret nobody has.
    Column("of_console", Boolean, nullable=False, server_default=false()),
    Index(None, "maker_key_id"),
    Index(
        "uq_api_keys_of_console",
        "account_id",
        unique=True,
        sqlite_where=text("of_console"),
        postgresql_where=text("of_console"),
    ),
    Index("uq_api_keys_previous_digest", "previous_digest", unique=True),
)

# What an administrator changed; the other plans are those of penstock.toml and of the package.
plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    Column("definition", JSON_VALUE, nullable=False),
    Column("updated_at", Float, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("role", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("created_by", Text, ForeignKey("accounts.id"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
    Column("used_by", Text, ForeignKey("accounts.id")),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("client", Text, nullable=False),
)

# Grows only: triggers refuse to change or to delete a row.
audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("account_id", Text),
    Column("key_id", Text),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSON_VALUE, nullable=False),
    Column("request_id", Text),
    Index(None, "at", "id"),
)

# The bodies are elsewhere: `blob` is the name of one there. A file that was deleted keeps its row for as long as a
# batch reads its body.
files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("project_id", Text),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("blob", Text, nullable=False, unique=True),
    Column("deleted_at", Float),
    Index(None, "account_id", "created_at"),
    Index(None, "expires_at"),
    Index(None, "deleted_at"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("project_id", Text),
    # The key that made it, whose rights and limits hold for its lines.
    Column("key_id", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("input_file_id", Text, nullable=False, index=True),
    Column("completion_window", Text, nullable=False),
    Column("metadata", JSON_OR_NULL),
    Column("status", Text, nullable=False, index=True),
    # What a batch that is finalizing or cancelling will be: completed, expired or cancelled.
    Column("ends_as", Text),
    Column("model", Text),
    Column("errors", JSON_OR_NULL),
    Column("output_file_id", Text),
    Column("error_file_id", Text),
    Column("created_at", Float, nullable=False),
    Column("in_progress_at", Float),
    Column("expires_at", Float, nullable=False),
    Column("finalizing_at", Float),
    Column("completed_at", Float),
    Column("failed_at", Float),
    Column("expired_at", Float),
    Column("cancelling_at", Float),
    Column("cancelled_at", Float),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("completed", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("prompt_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cached_tokens", BigInteger, nullable=False, server_default="0"),
    Column("completion_tokens", BigInteger, nullable=False, server_default="0"),
    Column("reasoning_tokens", BigInteger, nullable=False, server_default="0"),
    # Who validates or finalizes it, and how often somebody has begun to: what an earlier one writes late is refused.
    Column("runner_id", Text),
    Column("generation", Integer, nullable=False, server_default="0"),
    Index(None, "account_id", "created_at"),
)

# One for each line of each batch's input that is not over; gone once the batch's files are there.
batch_lines = Table(
    "batch_lines",
    metadata,
    Column("batch_id", Text, ForeignKey("batches.id"), primary_key=True),
    # From 1, as an editor counts them: blank lines count too.
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("custom_id", Text, nullable=False),
    # As the line names it; empty where it names none.
    Column("model", Text, nullable=False),
    # The same for lines that begin alike, so that they can run one after the other.
    Column("prefix", BigInteger, nullable=False),
    # Where its bytes are in the input.
    Column("position", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    # waiting, running or done.
    Column("state", Text, nullable=False, server_default="waiting"),
    # Whether an engine died under it in company; it runs alone from then on.
    Column("suspect", Boolean, nullable=False, server_default=false()),
    # How many engines died under it while it ran alone.
    Column("deaths", Integer, nullable=False, server_default="0"),
    # Who runs it, and how often it was claimed: a result of an earlier claim is refused.
    Column("runner_id", Text),
    Column("generation", Integer, nullable=False, server_default="0"),
    # Of the answer: null where there is none, and `result` is then an error.
    Column("status", Integer),
    Column("result", Text),
    Index(None, "batch_id", "state", "suspect", "model", "prefix", "line"),
    Index(None, "runner_id"),
)

# The servers that run batches. One that lives changes its `beat` every few seconds: whoever sees it stand still for the
# length of a lease, by a clock of its own, takes over what it held.
batch_runners = Table(
    "batch_runners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("beat", BigInteger, nullable=False),
    # The names of the models that it serves.
    Column("models", JSON_VALUE, nullable=False),
    Column("started_at", Float, nullable=False),
)

# An account outlives no usage: rows are history, so nothing in these tables is a foreign key.
usage = Table(
    "usage",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("finish_reason", Text),
    Column("streamed", Boolean, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),
    Column("queue_ms", Float, nullable=False),
    Column("ttft_ms", Float),
    Column("total_ms", Float, nullable=False),
    Column("project_id", Text),
    Column("error_code", Text),
    Column("load_ms", Float),
    Column("prefill_ms", Float),
    Column("decode_ms", Float),
    Column("tier", Text, nullable=False, server_default="default"),
    Column("batch", Boolean, nullable=False, server_default=false()),
    # Picos for one token, when the request ran.
    Column("input_price", BigInteger, nullable=False, server_default="0"),
    Column("cached_input_price", BigInteger, nullable=False, server_default="0"),
    Column("output_price", BigInteger, nullable=False, server_default="0"),
    Column("cost", BigInteger, nullable=False, server_default="0"),
    # Of a refusal by a limit: its name in plans, and when it would have let the request in.
    Column("limit_hit", Text),
    Column("frees_at", Float),
    # The batch that it is a line of.
    Column("batch_id", Text),
    Index(None, "account_id", "created_at"),
    Index(None, "created_at"),
    Index(None, "account_id", "key_id", "created_at"),
    Index(None, "account_id", "model", "created_at"),
    Index(
        "ix_usage_of_batch",
        *("batch_id", "created_at"),
        sqlite_where=text("batch_id IS NOT NULL"),
        postgresql_where=text("batch_id IS NOT NULL"),
    ),
    # What failed or was broken off is little among much, and looked for among all of it.
    Index(
        "ix_usage_unfinished_of_account",
        *("account_id", "outcome", "created_at", "error_code", "status"),
        sqlite_where=text("outcome <> 'completed'"),
        postgresql_where=text("outcome <> 'completed'"),
    ),
    Index(
        "ix_usage_unfinished",
        *("outcome", "created_at", "error_code", "status"),
        sqlite_where=text("outcome <> 'completed'"),
        postgresql_where=text("outcome <> 'completed'"),
    ),
)


def _sums(name: str) -> Table:
    """Sums of rows of `usage` over the time from `start`, which a row counts in by its `created_at`."""
    dimensions = ("account_id", "key_id", "project_id", "model", "endpoint", "tier")
    figures = ("requests", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")
    return Table(
        name,
        metadata,
        Column("start", BigInteger, primary_key=True, autoincrement=False),
        *(Column(dimension, Text, primary_key=True) for dimension in dimensions),
        Column("batch", Boolean, primary_key=True),
        *(Column(figure, BigInteger, nullable=False) for figure in figures),
        Index(None, "account_id", "start"),
    )


usage_hourly = _sums("usage_hourly")
usage_daily = _sums("usage_daily")
