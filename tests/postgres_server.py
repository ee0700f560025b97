"""A real PostgreSQL of the tests' own, on a free port of loopback, gone with the process that started it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from debian import program
from psycopg import sql
from running_server import free_port

USER = "penstock"
GUARDED = "guarded"
"""A user that needs a password, which is PASSWORD."""
PASSWORD = "canary-of-a-password"

# Outlives whoever started the server, kill -9 included, and ends it: its standard input closes then.
_KEEPER = 'cat >&2; "$1" -D "$2" -m immediate stop; rm -rf "$3"'
# Nothing is lost that a test would miss: the machine does not lose power meanwhile. Tests that need it turn it on.
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_SMALL = {"shared_buffers": "32MB", "max_connections": "100", "max_wal_size": "256MB", "autovacuum": "off"}


@dataclass(frozen=True)
class PostgresServer:
    """A running server. Every role but `guarded` is let in without a password."""

    programs: Path
    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, *, user: str = USER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: sql.SQL | sql.Composed, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement by itself; its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create(self, database: str, *, template: str = "template0") -> str:
        """Make a database; its URL."""
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.ask(made.format(sql.Identifier(database), sql.Identifier(template)))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.ask(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def start(self) -> None:
        settings = {**_FAST, **_SMALL, "listen_addresses": "127.0.0.1", "port": str(self.port)}
        settings["unix_socket_directories"] = ""
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in settings.items())
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Break off everything under way and end, as at a restart."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Down for the length of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Still there, and answering nothing, for the length of the block."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    def make(self) -> None:
        """Fill the folder."""
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")

    def _run(self, name: str, *arguments: object) -> None:
        # It refuses to run as root. What it starts must not hold the pipes of the one that waits for it.
        ran = subprocess.run(
            [self.programs / name, *map(str, arguments)],
            cwd=self.folder,
            user=_user(),
            group=_user(),
            extra_groups=None if _user() is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, f"{name}: {(self.folder / 'log').read_text() if self.data.exists() else ran}"


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server with no database yet; all of it is removed with the block."""
    programs = Path(program("postgres", "postgresql", folders="usr/lib/postgresql/*/bin")).parent
    # Not in pytest's own folder, which is closed to the user that it runs as.
    folder = Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
    if user := _user():
        shutil.chown(folder, user, user)
    server = PostgresServer(programs, folder, free_port())
    server.make()
    keeper = subprocess.Popen(
        ["sh", "-c", _KEEPER, "sh", programs / "pg_ctl", server.data, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        start_new_session=True,
    )
    try:
        server.start()
        role = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
        server.ask(role.format(sql.Identifier(GUARDED), sql.Literal(PASSWORD)))
        yield server
    finally:
        keeper.communicate()
        shutil.rmtree(folder, ignore_errors=True)
