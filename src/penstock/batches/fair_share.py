"""Whose batch is next: the account that has had the fewest tokens."""

from collections.abc import Sequence

from penstock.batches.claims import Work


class FairShare:
    """What each account with work has had. One that comes anew begins where the least of the others stands."""

    def __init__(self) -> None:
        self._had: dict[str, int] = {}

    def used(self, account_id: str, tokens: int) -> None:
        """An account had a line's worth of tokens."""
        if account_id in self._had:
            self._had[account_id] += tokens

    def ordered(self, works: Sequence[Work]) -> list[Work]:
        """The same work, in the order in which to take lines of it; that of one account stays in its order."""
        present = {work.account_id for work in works}
        start = min((had for account, had in self._had.items() if account in present), default=0)
        self._had = {account: max(start, self._had.get(account, start)) for account in present}
        return sorted(works, key=lambda work: self._had[work.account_id])
