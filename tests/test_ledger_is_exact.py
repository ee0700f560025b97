"""The ledger against what clients were told: to the token, through aborts, failing engines and a kill -9."""

from pathlib import Path

from mixed_traffic import compare, run


def test_what_clients_were_told_is_what_the_ledger_has(tmp_path: Path) -> None:
    """bench/ledger_exact.py is the same with 2,000 requests."""
    traffic = run(tmp_path, requests=400)
    account = compare(traffic, tmp_path)
    assert account.differences == []
    assert account.clients_tokens == account.ledgers_tokens > 0
    assert min(account.completed, account.aborted, account.failed, account.cut) > 0
