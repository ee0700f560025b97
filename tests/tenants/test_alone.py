"""Shares of limits: all servers together have a limit exactly."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.tenants.alone import Shares


@given(limit=st.integers(0, 1 << 40), servers=st.sets(st.text("abcdef", min_size=1), min_size=1, max_size=9))
def test_shares_are_the_limit_together(limit: int, servers: set[str]) -> None:
    shares = [Shares(server, sorted(servers)).of(limit, "acct:figure:") for server in servers]
    assert sum(shares) == limit
    assert max(shares) - min(shares) <= 1


def test_what_is_left_over_is_not_always_the_same_server_s() -> None:
    shares = Shares("a", ["a", "b", "c"])
    assert {shares.of(1, f"acct-{number}:requests_per_minute:") for number in range(50)} == {0, 1}
    assert len(Shares("a", [])) == 1
