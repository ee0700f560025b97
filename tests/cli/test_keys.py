import json
import stat
import time
from pathlib import Path

import click
import pytest
from running_server import penstock

from penstock.cli.durations import seconds_of
from penstock.tenants.secret import looks_valid


def test_create_prints_the_secret_alone(tmp_path: Path) -> None:
    done = penstock("keys", "create", "laptop", data_dir=tmp_path / "new")
    assert done.returncode == 0
    assert looks_valid(done.stdout.removesuffix("\n"))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_life_of_a_key(tmp_path: Path) -> None:
    empty = penstock("keys", "list", data_dir=tmp_path)
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "keys create NAME" in empty.stderr
    secret = penstock("keys", "create", "laptop", "--expires", "30d", data_dir=tmp_path).stdout.strip()

    (key,) = json.loads(penstock("keys", "list", "--json", data_dir=tmp_path).stdout)
    assert (key["name"], key["state"], key["account_id"]) == ("laptop", "active", "acct_operator")
    assert key["expires_at"] == pytest.approx(time.time() + 30 * 86_400, abs=60)

    shown = penstock("keys", "list", data_dir=tmp_path).stdout
    assert key["id"] in shown
    assert key["hint"] in shown
    assert secret not in shown

    revoked = penstock("keys", "revoke", "laptop", data_dir=tmp_path)
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert key["id"] in revoked.stderr
    assert "revoked" in penstock("keys", "list", data_dir=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["keys", "revoke", "nobody"], "keys list"),
        (["keys", "create", "x", "--account", "a@example.org"], "a@example.org"),
        (["keys", "list", "--config", "/no/such/file"], "/no/such/file"),
    ],
)
def test_a_mistake_is_one_line_with_the_next_step(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = penstock(*arguments, data_dir=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert penstock("keys", "create", data_dir=tmp_path).returncode == 2
    assert penstock("keys", "explode", data_dir=tmp_path).returncode == 2
    assert penstock("explode", data_dir=tmp_path).returncode == 2
    for arguments, says in ((["", "--expires", "1d"], "1 to 100"), (["x", "--expires", "soon"], "30d")):
        done = penstock("keys", "create", *arguments, data_dir=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr


@pytest.mark.parametrize(("text", "seconds"), [("1m", 60), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)])
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1.5h", "d", "1y", "9999999999w", "1 d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.UsageError):
        seconds_of(text)
