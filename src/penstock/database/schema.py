"""Brings a database to the schema of this version."""

from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from penstock.database.connection import PATIENT_SECONDS, Database
from penstock.errors import OperatorError

_MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class Revision:
    """One state of the schema, and in words what leads to it."""

    id: str
    summary: str


@dataclass(frozen=True)
class Migration:
    """What was done to a database. `before` is None where it had no tables."""

    before: str | None
    after: str
    applied: tuple[Revision, ...]


async def migrate(database: Database) -> Migration:
    """Apply every migration that is missing, in one transaction; servers that start at once do it one after the other.

    Raises OperatorError for a database that a newer version made, and for one that cannot be written.
    """
    with database.faults_told():
        # Looked at first, so that a start with nothing to do waits for no writer.
        before = await revision_of(database)
        if before == newest_revision():
            return Migration(before, before, ())
        async with database.write(wait_seconds=PATIENT_SECONDS, seconds=PATIENT_SECONDS) as connection:
            return await connection.run_sync(_upgrade)


async def revision_of(database: Database) -> str | None:
    """The revision of a database as it is; None where it has no tables. Raises OperatorError where it is newer."""
    with database.faults_told():
        async with database.read() as connection:
            return await connection.run_sync(_revision)


def newest_revision() -> str:
    """The revision that this version works with."""
    return str(_scripts()[1].get_current_head())


def _scripts() -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config, ScriptDirectory.from_config(config)


def _revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in _scripts()[1].walk_revisions()}
    if found is not None and found not in known:
        raise OperatorError(
            f"The database was made by a newer version of Penstock: its schema is {found}, and this version knows"
            f" {newest_revision()} as the newest. Use that version, or another database or data folder."
        )
    return found


def _upgrade(connection: Connection) -> Migration:
    before = _revision(connection)
    config, script = _scripts()

    def steps(revision: object, _context: MigrationContext) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # as alembic's own command does

    with EnvironmentContext(config, script, fn=steps) as environment:
        # The transaction is ours, and a writer's: that is what keeps a second process out.
        environment.configure(connection=connection, transactional_ddl=False, transaction_per_migration=False)
        environment.run_migrations()
    applied = [] if before == newest_revision() else script.walk_revisions(before or "base", "head")
    revisions = [Revision(one.revision, one.doc) for one in applied if one.revision != before]
    return Migration(before, newest_revision(), tuple(reversed(revisions)))
