"""`penstock migrate`, as it is typed."""

import sqlite3
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from psycopg import sql
from running_server import penstock

from penstock.database.schema import newest_revision


def migrate(*arguments: str, data_dir: Path, url: str = "") -> tuple[int, str, str]:
    ran = penstock("migrate", *arguments, data_dir=data_dir, environ={"PENSTOCK_DATABASE_URL": url})
    return ran.returncode, ran.stdout, ran.stderr


def test_it_says_what_it_did_and_then_that_there_is_nothing_to_do(tmp_path: Path) -> None:
    status, said, errors = migrate(data_dir=tmp_path)
    assert (status, errors) == (0, "")
    assert f"penstock.db was none and is {newest_revision()} now:" in said
    assert "  0001  Accounts, API keys and usage." in said
    status, said, _ = migrate(data_dir=tmp_path)
    assert status == 0
    assert "Nothing to do" in said


def test_on_postgresql_too(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create("to_migrate")
    status, said, errors = migrate(data_dir=tmp_path, url=url)
    assert (status, errors) == (0, "")
    assert f"{url} was none and is {newest_revision()} now:" in said
    assert "Nothing to do" in migrate(data_dir=tmp_path, url=url)[1]
    postgres.ask(sql.SQL("UPDATE alembic_version SET version_num = '9999'"), database="to_migrate")
    status, _, errors = migrate(data_dir=tmp_path, url=url)
    assert status == 1
    assert "newer version of Penstock: its schema is 9999" in errors
    postgres.drop("to_migrate")


def test_a_database_that_is_away_is_status_1_without_a_traceback(tmp_path: Path) -> None:
    status, said, errors = migrate(data_dir=tmp_path, url="postgresql://ann:canary-7f3a@127.0.0.1:1/penstock")
    assert (status, said) == (1, "")
    assert errors.startswith("Error: The database postgresql://ann:***@127.0.0.1:1/penstock cannot be opened")
    assert "canary-7f3a" not in errors
    assert len(errors.splitlines()) == 1


def test_everything_is_copied_and_the_pepper_is_spoken_of(postgres_url: str, tmp_path: Path) -> None:
    made = penstock("keys", "create", "laptop", data_dir=tmp_path)
    assert made.returncode == 0
    status, said, errors = migrate("--from", str(tmp_path / "penstock.db"), data_dir=tmp_path, url=postgres_url)
    assert status == 0, errors
    counts = dict(line.split() for line in said.splitlines())
    assert (counts["accounts"], counts["api_keys"], counts["usage"]) == ("1", "1", "0")
    assert str(tmp_path / "pepper") in errors
    assert f"bodies of files are in no database and were not copied: they are in {tmp_path / 'files'}" in errors
    listed = penstock("keys", "list", data_dir=tmp_path, environ={"PENSTOCK_DATABASE_URL": postgres_url})
    assert "laptop" in listed.stdout
    status, _, errors = migrate("--from", str(tmp_path / "penstock.db"), data_dir=tmp_path, url=postgres_url)
    assert status == 1
    assert "is not empty" in errors


def test_a_server_that_has_the_source_open_is_in_the_way(tmp_path: Path, postgres_url: str) -> None:
    """A connection that this process holds stands in for the server's."""
    penstock("keys", "list", data_dir=tmp_path)
    held = sqlite3.connect(tmp_path / "penstock.db")
    held.execute("SELECT * FROM accounts").fetchall()
    status, _, errors = migrate("--from", str(tmp_path / "penstock.db"), data_dir=tmp_path, url=postgres_url)
    held.close()
    assert status == 1
    assert "open, and what it writes meanwhile would be missing. Stop it first." in errors


@pytest.mark.parametrize("source", ["nowhere.db", "sqlite:///nowhere.db", "sqlite+aiosqlite:///nowhere.db"])
def test_a_source_that_is_not_there_is_not_made(source: str, tmp_path: Path, postgres_url: str) -> None:
    status, _, errors = migrate("--from", source, data_dir=tmp_path, url=postgres_url)
    assert status == 1
    assert "There is no database" in errors
    assert not Path("nowhere.db").exists()
