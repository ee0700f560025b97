"""Brings a database to the schema of this version."""

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from penstock.database.connection import PATIENT_SECONDS, Database
from penstock.errors import OperatorError

_MIGRATIONS = Path(__file__).with_name("migrations")


async def migrate(database: Database) -> None:
    """Apply every migration that is missing, in one transaction; servers that start at once do it one after the other.

    Raises OperatorError for a database that a newer version made, and for one that cannot be written.
    """
    with database.faults_told():
        async with database.write(wait_seconds=PATIENT_SECONDS, seconds=PATIENT_SECONDS) as connection:
            await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)

    def steps(revision: object, _context: MigrationContext) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # as alembic's own command does

    try:
        with EnvironmentContext(config, script, fn=steps) as environment:
            # The transaction is ours, and a writer's: that is what keeps a second process out.
            environment.configure(connection=connection, transactional_ddl=False, transaction_per_migration=False)
            environment.run_migrations()
    except CommandError as error:
        raise OperatorError(
            "The database was made by a newer version of Penstock. Use that version, or another data folder."
        ) from error
