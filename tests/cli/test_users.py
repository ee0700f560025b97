"""`penstock users`, `plans` and `audit`: what they print where, and what they never show."""

import asyncio
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from penstock.cli import audit, keys, plans, users
from penstock.cli.data_folder import opened
from penstock.errors import OperatorError
from penstock.settings import Settings
from penstock.tenants.accounts import Account

PASSWORD = "four brown foxes jump"
COMMANDS: dict[str, click.Command] = {
    "users": users.command,
    "keys": keys.command,
    "plans": plans.command,
    "audit": audit.command,
}


class Shell:
    """Types commands that work on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def type(self, *line: str, stdin: str = "") -> Result:
        command, *arguments = line
        return CliRunner().invoke(COMMANDS[command], [*arguments, "--data-dir", str(self.folder)], input=stdin)

    def __call__(self, *line: str, stdin: str = "") -> str:
        done = self.type(*line, stdin=stdin)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def refused(self, *line: str) -> str:
        done = self.type(*line)
        assert isinstance(done.exception, OperatorError), done.output
        return done.exception.message

    def verified(self, email: str, password: str) -> Account | None:
        async def ask() -> Account | None:
            async with opened(Settings(data_dir=str(self.folder))) as tenants:
                return await tenants.accounts.verify(email, password)

        return asyncio.run(ask())


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_life_of_an_account(shell: Shell) -> None:
    made = shell("users", "create", " Ann@example.org", "--plan", "standard", "--password-stdin", stdin=PASSWORD + "\n")
    (ann,) = json.loads(shell("users", "list", "--json"))
    assert (ann["id"], ann["email"], ann["plan"], ann["state"]) == (
        made.strip(),
        "ann@example.org",
        "standard",
        "active",
    )
    assert shell.verified("ann@example.org", PASSWORD) is not None
    shell("users", "reset-password", "ann@example.org", "--password-stdin", stdin="another long sentence\r\n")
    assert shell.verified("ann@example.org", PASSWORD) is None
    assert shell.verified("ann@example.org", "another long sentence") is not None
    assert "core" in shell("users", "update", "ann@example.org", "--plan", "core")
    shell("users", "disable", "ann@example.org")
    assert shell.verified("ann@example.org", "another long sentence") is None
    assert json.loads(shell("users", "show", made.strip(), "--json"))["state"] == "disabled"
    shell("users", "enable", "ann@example.org")
    assert "ann@example.org" in shell("users", "list", "--search", "ANN")


def test_no_list_shows_a_secret(shell: Shell) -> None:
    shell("users", "create", "ann@example.org", "--password-stdin", stdin=PASSWORD)
    token = shell("users", "invite", "bob@example.org").strip()
    secret = shell("keys", "create", "laptop").strip()
    renewed = shell("keys", "rotate", "laptop").strip()
    for line in (("users", "list"), ("users", "invitations"), ("keys", "list"), ("keys", "show", "laptop"), ("audit",)):
        for shown in (shell(*line), shell(*line, "--json")):
            assert [one for one in (PASSWORD, token, secret, renewed, "argon2") if one in shown] == []


def test_mistakes_are_told(shell: Shell) -> None:
    shell("users", "create", "ann@example.org")
    assert "e-mail" in shell.refused("users", "create", "ANN@example.org")
    assert "plans are" in shell.refused("users", "create", "bob@example.org", "--plan", "gold")
    assert "administrator" in shell.refused("users", "disable", "operator")
    assert "no such plan" in shell.refused("plans", "set", "fre", "concurrency=1")
    assert "invitation" in shell.refused("users", "uninvite", "inv_0000000000000000")
    for wrong in (
        ["concurrency"],
        ["speed=1"],
        ["concurrency=-1"],
        ["context=many"],
        [":context=1"],
        ["m:priority=high"],
    ):
        assert shell.type("plans", "set", "free", *wrong).exit_code == 2
    assert shell.type("users", "reset-password", "ann@example.org").exit_code == 2


def test_a_key_is_narrowed_and_widened_again(shell: Shell) -> None:
    shell("keys", "create", "ci", "--scope", "batch", "--expires", "1d", "--limit", "requests_per_minute=10")
    shell("keys", "update", "ci", "--limit", "org/m:context=9", "--expires", "never", "--scope", "inference")
    key = json.loads(shell("keys", "show", "ci", "--json"))
    assert key["limits"] == {"requests_per_minute": 10, "models": {"org/m": {"context": 9}}}
    assert (key["scopes"], key["expires_at"]) == (["inference"], None)
    shell("keys", "update", "ci", "--limit", "org/m:context=none", "--limit", "requests_per_minute=none")
    assert json.loads(shell("keys", "show", "ci", "--json"))["limits"] == {}
    shell("keys", "disable", "ci")
    assert "disabled" in shell("keys", "list")
    shell("keys", "enable", "ci")
    assert "active" in shell("keys", "list")


def test_a_plan_is_changed_and_taken_back(shell: Shell) -> None:
    before = shell("plans", "show", "free", "--json")
    shown = shell("plans", "set", "free", "requests_per_minute=10", "max_output=none", "org/m:context=4096")
    assert "requests per minute       10" in shown
    after = json.loads(shell("plans", "show", "free", "--json"))
    assert (after["requests_per_minute"], after.get("max_output")) == (10, None)
    assert after["models"] == {"org/m": {"context": 4096}}
    shell("plans", "reset", "free")
    assert shell("plans", "show", "free", "--json") == before
    shell("plans", "set", "gold", "monthly_budget=2.5", "--new")
    assert "2.5" in shell("plans", "list")
    shell("plans", "reset", "gold")
    assert "gold" not in shell("plans", "list")


def test_every_act_is_in_the_log(shell: Shell) -> None:
    shell("users", "create", "ann@example.org")
    shell("users", "update", "ann@example.org", "--plan", "core")
    shell("keys", "create", "ci")
    shell("keys", "revoke", "ci")
    lines = shell("audit", "--since", "1h").splitlines()
    assert [line.split()[2] for line in lines] == ["key.revoke", "key.create", "account.update", "account.create"]
    assert "operator at the command line · plan: free → core" in lines[2]
    assert [act["action"] for act in json.loads(shell("audit", "--action", "key", "--json"))] == [
        "key.revoke",
        "key.create",
    ]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_fits_80_columns(command: click.Command) -> None:
    pages = [[], *([name] for name in getattr(command, "commands", {}))]
    for page in pages:
        shown = CliRunner().invoke(command, [*page, "--help"], terminal_width=80).stdout
        assert max(map(len, shown.splitlines())) <= 80
