"""Whether a batch loses nothing: servers killed (-9) at random while it runs, and every line accounted for.

    python bench/batch_survives.py [--lines 5000] [--kills 20] [--database sqlite|postgresql]
    python bench/batch_survives.py --engine [--lines 200] [--kills 3]

SQLite: one server. PostgreSQL: two servers with one database and one store of files; the package is installed where it
is missing. With --engine the default model answers, and its engine is killed. Fails where a line is lost, is there
twice, is billed twice, or a count is wrong.
"""

import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from databases import migrated
from killed_batches import CONFIG, Account, Rows, fleet, run_with_engine_kills, run_with_kills, write_lines
from postgres_server import postgres_server
from running_server import SMOL


@click.command()
@click.option("--lines", default=5000, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--engine", is_flag=True, help="Kill the engine of the default model, and no server.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(lines: int, kills: int, engine: bool, database: str, seed: int) -> None:
    """Run it, and print the account."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        account = _run_engine(home, lines, kills) if engine else _run(home, lines, kills, database, seed)
    counts = account.batch.request_counts
    print(f"{lines} lines on {database}, {account.kills} kills, {time.monotonic() - began:.0f} s\n")
    print(f"  status {account.batch.status}, counts {counts}")
    print(f"  answered {account.answered:,}, in the error file {account.failed:,}")
    for fault in account.faults:
        print(f"  WRONG: {fault[:300]}")
    sys.exit(bool(account.faults))


def _run(folder: Path, lines: int, kills: int, database: str, seed: int) -> Account:
    source = folder / "input.jsonl"
    write_lines(source, lines)
    config = CONFIG.format(slots=32, rate=100)
    if database == "sqlite":
        home = folder / "only"
        with fleet([home], "--model", "echo", config=config, environ={}) as servers:
            return run_with_kills(servers, source, Rows(f"sqlite:///{home / 'penstock.db'}"), kills=kills, seed=seed)
    with postgres_server() as postgres:
        url = postgres.create("killed")
        migrated(url)
        environ = {"PENSTOCK_DATABASE_URL": url, "PENSTOCK_FILES_URL": f"file://{folder / 'files'}"}
        homes = [folder / "first", folder / "second"]
        with fleet(homes, "--model", "echo", config=config, environ=environ) as servers:
            return run_with_kills(servers, source, Rows(url), kills=kills, seed=seed)


def _run_engine(folder: Path, lines: int, kills: int) -> Account:
    source, home = folder / "input.jsonl", folder / "only"
    write_lines(source, lines, model=SMOL, max_completion_tokens=16)
    with fleet([home], "--model", SMOL, config="", environ={}) as servers:
        rows = Rows(f"sqlite:///{home / 'penstock.db'}")
        return run_with_engine_kills(servers, source, rows, kills=kills)


if __name__ == "__main__":
    main()
