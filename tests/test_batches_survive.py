"""A batch loses nothing, whatever is killed. bench/batch_survives.py is the same at full length."""

from pathlib import Path

from killed_batches import CONFIG, Rows, fleet, run_with_engine_kills, run_with_kills, write_lines
from running_server import SMOL

LEASE = {"PENSTOCK_BATCH_LEASE_SECONDS": "2"}


def test_a_server_that_is_killed_again_and_again(tmp_path: Path) -> None:
    source, home = tmp_path / "input.jsonl", tmp_path / "server"
    write_lines(source, 400)
    config = CONFIG.format(slots=8, rate=100)
    with fleet([home], "--model", "echo", config=config, environ=LEASE) as servers:
        account = run_with_kills(servers, source, Rows(f"sqlite:///{home / 'penstock.db'}"), kills=4)
    assert account.faults == []


def test_two_servers_of_which_one_or_the_other_is_killed(tmp_path: Path, postgres_url: str) -> None:
    source = tmp_path / "input.jsonl"
    write_lines(source, 600)
    environ = {
        **LEASE,
        "PENSTOCK_DATABASE_URL": postgres_url,
        "PENSTOCK_FILES_URL": f"file://{tmp_path / 'files'}",
    }
    homes, config = [tmp_path / "first", tmp_path / "second"], CONFIG.format(slots=8, rate=100)
    with fleet(homes, "--model", "echo", config=config, environ=environ) as servers:
        account = run_with_kills(servers, source, Rows(postgres_url), kills=4)
    assert account.faults == []


def test_an_engine_that_is_killed_in_the_middle(tmp_path: Path, models_dir: Path) -> None:
    source, home = tmp_path / "input.jsonl", tmp_path / "server"
    write_lines(source, 30, model=SMOL, max_completion_tokens=8)
    home.mkdir()
    (home / "models").symlink_to(models_dir)
    with fleet([home], "--model", SMOL, config="", environ={}) as servers:
        account = run_with_engine_kills(servers, source, Rows(f"sqlite:///{home / 'penstock.db'}"), kills=2)
    assert account.faults == []
