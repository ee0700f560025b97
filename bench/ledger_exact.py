"""Whether the ledger is exact: what clients were told they used, against its rows and sums, to the token.

    python bench/ledger_exact.py [--requests 2000]

A fifth of the clients leave in mid-stream, a twentieth of the requests fail in their engine (some end its process), and
the server is killed (-9) once in between. Fails where anything differs. A request that was under way at the kill has no
row: that is the stated window, and the table says how many those were.
"""

import sys
import tempfile
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from mixed_traffic import CLIENTS, compare, run


@click.command()
@click.option("--requests", default=2000, show_default=True)
def main(requests: int) -> None:
    """Run it, and print the account."""
    with tempfile.TemporaryDirectory() as folder:
        account = compare(run(Path(folder), requests=requests), Path(folder))
    print(f"{requests} requests, {CLIENTS} clients at once, one kill -9\n")
    for name in ("completed", "aborted", "failed", "cut", "lost"):
        print(f"  {name:<22}{getattr(account, name):>9,}")
    print(f"  {'tokens told to clients':<22}{account.clients_tokens:>9,}")
    print(f"  {'tokens in the ledger':<22}{account.ledgers_tokens:>9,}")
    for difference in account.differences:
        print(f"  DIFFERS: {difference}")
    sys.exit(bool(account.differences))


if __name__ == "__main__":
    main()
