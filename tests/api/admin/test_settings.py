"""What an administrator sees of how the server is set up, and the secrets that nobody sees."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from running_server import serving
from sign_in import ask_json, settle

from penstock.cli.serve import command as serve
from penstock.settings import FLAGS, MASK, Origins, Settings, described, masked, read_settings

SECRET = "hunter2hunter2"


def shown(settings: Settings) -> str:
    return json.dumps([one.__dict__ for one in described(settings, Origins())])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"postgresql://ann:{SECRET}@db/penstock", f"postgresql://ann:{MASK}@db/penstock"),
        (f"postgresql://ann:{SECRET}@x/y@db/penstock", f"postgresql://ann:{MASK}@db/penstock"),
        (f"postgresql://ann:a?{SECRET}#@db/penstock", f"postgresql://ann:{MASK}@db/penstock"),
        (
            f"postgresql:///penstock?host=/tmp&password={SECRET}&sslmode=require",
            f"postgresql:///penstock?host={MASK}&password={MASK}&sslmode=require",
        ),
        (f"redis://:{SECRET}@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        (f"redis://{SECRET}@cache:6379/0", f"redis://{MASK}@cache:6379/0"),
        (
            f"s3://bucket/prefix?secret_access_key={SECRET}&region=eu",
            f"s3://bucket/prefix?secret_access_key={MASK}&region=eu",
        ),
        (f"redis:{SECRET}", MASK),
        ("file:///srv/files", "file:///srv/files"),
        ("", ""),
    ],
)
def test_no_url_shows_its_secret(url: str, expected: str) -> None:
    for name in ("database_url", "files_url", "valkey_url"):
        assert masked(name, url) == expected
        assert SECRET not in shown(msgspec.structs.replace(Settings(), **{name: url}))


def test_a_secret_in_a_table_is_masked() -> None:
    models = [{"id": "echo", "source": f"https://x:{SECRET}@models.example/m", "api_key": SECRET, "tokens": 5}]
    settings = Settings(models=models, plans={"team": {"description": f"see https://u:{SECRET}@h/"}})
    assert SECRET not in shown(settings)
    assert '"tokens": 5' in shown(settings)


def test_every_setting_has_a_meaning_and_says_how_to_change_it() -> None:
    found = described(Settings(), Origins())
    assert [one.name for one in found] == [field.name for field in msgspec.structs.fields(Settings)]
    assert [one.name for one in found if not one.meaning.endswith(".")] == []
    options = {parameter.name: parameter.opts for parameter in serve.params}
    assert {name: options[name][0] for name in FLAGS} == FLAGS
    assert set(options) - {"config"} == set(FLAGS)


def test_it_is_told_where_each_setting_comes_from(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text('host = "file"\nport = 1\ndrain_seconds = 5\n')
    environ = {"PENSTOCK_PORT": "2", "PENSTOCK_HOST": "env"}
    settings, origins = read_settings({"port": 3}, environ, config=tmp_path / "penstock.toml")
    by_name = {one.name: (one.value, one.origin) for one in described(settings, origins)}
    assert by_name["port"] == (3, "flag")
    assert by_name["host"] == ("env", "environment")
    assert by_name["drain_seconds"] == (5, "file")
    assert by_name["currency"] == ("USD", "default")
    assert origins.file == tmp_path / "penstock.toml"


def test_the_server_tells_administrators_alone(tmp_path: Path) -> None:
    environ = {"PENSTOCK_VALKEY_URL": "", "PENSTOCK_FILES_URL": f"file://{tmp_path}/files"}
    config = f'database_url = "sqlite+aiosqlite:///{tmp_path}/penstock.db"\n'
    with serving(tmp_path, "--model", "echo", environ=environ, config=config) as server:
        admin, user = settle(server, "boss", role="admin"), settle(server, "user")
        answer = ask_json(server, "GET", "/api/admin/settings", cookie=admin.cookie)
        assert answer.status == 200, answer.body
        told_: dict[str, Any] = answer.json
        by_name = {one["name"]: one for one in told_["settings"]}
        assert (by_name["serve"]["value"], by_name["serve"]["origin"]) == (["echo"], "flag")
        assert by_name["files_url"]["origin"] == by_name["data_dir"]["origin"] == "environment"
        assert by_name["database_url"]["origin"] == "file"
        assert told_["database"].startswith("SQLite 3.")
        assert told_["database_bytes"] > 4096
        assert told_["file"] == str(tmp_path / "penstock.toml")
        assert told_["started_at"] <= told_["now"]
        refused = ask_json(server, "GET", "/api/admin/settings", cookie=user.cookie)
        assert (refused.status, refused.error["code"]) == (403, "insufficient_permissions")
