from pathlib import Path
from typing import Any

import pytest

from penstock.errors import OperatorError
from penstock.settings import DEFAULT_MODEL, load_settings, parse_aliases


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any penstock.toml of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def test_the_defaults(tmp_path: Path) -> None:
    settings = load_settings({}, {})
    assert (settings.host, settings.port, settings.serve) == ("127.0.0.1", 8484, (DEFAULT_MODEL,))
    assert settings.data_path == tmp_path / "share" / "penstock"
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path / 'share' / 'penstock' / 'penstock.db'}"


def test_flags_win_over_the_environment_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text('port = 1\nhost = "file"\ndrain_seconds = 5\n')
    settings = load_settings({"port": 3, "host": None}, {"PENSTOCK_PORT": "2", "PENSTOCK_HOST": "env"})
    assert (settings.port, settings.host, settings.drain_seconds) == (3, "env", 5)


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    data, named = tmp_path / "data", tmp_path / "named.toml"
    data.mkdir()
    (data / "penstock.toml").write_text("port = 1")
    assert load_settings({"data_dir": str(data)}, {}).port == 1
    assert load_settings({}, {"PENSTOCK_DATA_DIR": str(data)}).port == 1
    (tmp_path / "penstock.toml").write_text("port = 2")
    assert load_settings({"data_dir": str(data)}, {}).port == 2
    named.write_text("port = 3")
    assert load_settings({}, {"PENSTOCK_CONFIG": str(named)}).port == 3
    assert load_settings({}, {}, config=named).port == 3


def test_lists_in_the_environment() -> None:
    environ = {"PENSTOCK_SERVE": "echo, my/model", "PENSTOCK_ALIASES": "gpt-4o=echo,x=my/model"}
    settings = load_settings({}, environ)
    assert settings.serve == ("echo", "my/model")
    assert settings.aliases == {"gpt-4o": "echo", "x": "my/model"}


def test_aliases_of_all_sources_are_joined(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text('[aliases]\na = "echo"\nb = "echo"\n')
    assert load_settings({"aliases": {"b": "x"}}, {}).aliases == {"a": "echo", "b": "x"}


@pytest.mark.parametrize(
    "file",
    ["port = 99999", "port = 'x'", "colour = 1", "drain_seconds = -1", "= nonsense", "models = 5", "aliases = ['a=b']"],
)
def test_a_wrong_file_is_named(tmp_path: Path, file: str) -> None:
    (tmp_path / "penstock.toml").write_text(file)
    with pytest.raises(OperatorError, match=r"penstock\.toml"):
        load_settings({}, {})


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    environ = {"PENSTOCK_SERVE": "", "PENSTOCK_CONFIG": "", "PENSTOCK_PORT": ""}
    assert load_settings({}, environ) == load_settings({}, {})


def test_the_home_of_nobody_is_no_data_folder() -> None:
    with pytest.raises(OperatorError, match="does not exist"):
        _ = load_settings({"data_dir": "~nobody-at-all/x"}, {}).data_path


@pytest.mark.parametrize("environ", [{"PENSTOCK_PORT": "many"}, {"PENSTOCK_CONFIG": "/no/such.toml"}])
def test_a_wrong_variable_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(OperatorError):
        load_settings({}, environ)


@pytest.mark.parametrize("pair", ["", "x", "=x", "x="])
def test_what_is_no_alias(pair: str) -> None:
    with pytest.raises(OperatorError, match="NAME=ID"):
        parse_aliases([pair])


def test_a_value_of_a_flag_is_checked_too() -> None:
    given: dict[str, Any] = {"port": 70_000}
    with pytest.raises(OperatorError):
        load_settings(given, {})
