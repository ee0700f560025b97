"""What `penstock keys` prints where: into a pipe, a second time, and when the data folder cannot be used."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from running_server import penstock

from penstock.cli.keys import command

LONG = "the build machine in the cellar, behind the shelf with the paint"


def keys(data_dir: Path, *arguments: str) -> tuple[str, str]:
    """Standard output and error of a command that must end well."""
    done = CliRunner().invoke(command, [*arguments, "--data-dir", str(data_dir)])
    assert done.exit_code == 0, done.exception
    return done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _no_settings_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)


def test_in_a_pipe_each_key_is_one_line_with_its_whole_id(tmp_path: Path) -> None:
    secrets = [keys(tmp_path, "create", name)[0] for name in (LONG, "second")]
    shown, _ = keys(tmp_path, "list")
    heading, *lines = shown.splitlines()
    assert heading.split() == ["Name", "Id", "Key", "Expires", "Used", "State"]
    assert len(lines) == 2
    for line, secret, name in zip(lines, reversed(secrets), ("second", LONG), strict=True):
        assert line.startswith(name)
        assert f"{secret[:8]}…{secret.strip()[-4:]}" in line
        assert "never" in line
        assert line.split()[-1] == "active"


def test_into_a_pipe_only_the_secret_is_printed(tmp_path: Path) -> None:
    out, err = keys(tmp_path, "create", "laptop")
    assert (len(out), err) == (54, "")


def test_an_account_without_keys_is_an_empty_list(tmp_path: Path) -> None:
    assert keys(tmp_path, "list", "--json") == ("[]\n", "")


def test_a_second_revocation_says_so_and_ends_well(tmp_path: Path) -> None:
    keys(tmp_path, "create", "laptop")
    assert keys(tmp_path, "revoke", "laptop")[1].startswith("Revoked laptop (key_")
    assert keys(tmp_path, "revoke", "laptop")[1].startswith("Nothing to do, revoked already: laptop (key_")


def test_the_folder_that_is_named_wins_over_the_environment(tmp_path: Path) -> None:
    keys(tmp_path / "named", "create", "laptop")
    assert (tmp_path / "named" / "penstock.db").is_file()
    assert not (tmp_path / "elsewhere").exists()


def test_a_database_that_cannot_be_opened_ends_the_command(tmp_path: Path) -> None:
    """A connection's thread that stayed would keep the process for ever."""
    (tmp_path / "penstock.db").mkdir()
    done = penstock("keys", "create", "laptop", data_dir=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: The database {tmp_path / 'penstock.db'} cannot be opened")
    assert done.stderr.count("\n") == 1
