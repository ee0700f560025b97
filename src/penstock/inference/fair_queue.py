"""Who goes next of those that wait: in turn by account, each as far as its tokens reach.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): an account's next request begins, on a clock that counts
tokens, where its last one ended; whose begins first goes first. Who sends a lot waits behind its own requests.
"""

import heapq
from collections import OrderedDict
from typing import Generic, TypeVar

from penstock.inference.ticket import Ticket

T = TypeVar("T")


class _Account(Generic[T]):
    """Those of one account that wait, and where on the clock the first of them begins."""

    __slots__ = ("begins", "listed", "urgent", "usual")

    def __init__(self) -> None:
        self.begins = 0.0
        self.listed = False
        self.urgent: OrderedDict[T, Ticket] = OrderedDict()
        self.usual: OrderedDict[T, Ticket] = OrderedDict()

    @property
    def waiting(self) -> OrderedDict[T, Ticket]:
        return self.urgent or self.usual


class FairQueue(Generic[T]):
    """Those that wait in one class. All it does takes the logarithm of the number of accounts at most."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account[T]] = {}
        self._order: list[tuple[float, int, _Account[T]]] = []
        self._listed = 0
        self._now = 0.0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, who: T, ticket: Ticket) -> None:
        """Let `who` wait."""
        account = self._accounts.get(ticket.account_id)
        if account is None:
            account = self._accounts[ticket.account_id] = _Account()
        if not account.waiting:
            account.begins = max(self._now, account.begins)
        (account.urgent if ticket.ahead else account.usual)[who] = ticket
        self._size += 1
        if not account.listed:
            account.listed = True
            heapq.heappush(self._order, self._entry(account))

    def first(self) -> T | None:
        """Whose turn it is; None where nobody waits."""
        while self._order:
            account = self._order[0][2]
            if account.waiting:
                return next(iter(account.waiting))
            heapq.heappop(self._order)  # all of its requests left before their turn
            account.listed = False
        return None

    def take(self) -> T:
        """The first, who waits no more; its account is charged."""
        who = self.first()
        assert who is not None
        account = self._order[0][2]
        _, ticket = account.waiting.popitem(last=False)
        self._size -= 1
        self._now = max(self._now, account.begins)
        account.begins += ticket.tokens / ticket.weight
        if account.waiting:
            heapq.heapreplace(self._order, self._entry(account))
        else:
            heapq.heappop(self._order)
            account.listed = False
        self._forget_if_empty()
        return who

    def remove(self, who: T, ticket: Ticket) -> None:
        """`who` left before its turn, and is not charged; nothing happens where it does not wait."""
        account = self._accounts.get(ticket.account_id)
        if account is None or (account.urgent if ticket.ahead else account.usual).pop(who, None) is None:
            return
        self._size -= 1
        self._forget_if_empty()

    def _entry(self, account: _Account[T]) -> tuple[float, int, _Account[T]]:
        self._listed += 1
        return account.begins, self._listed, account

    def _forget_if_empty(self) -> None:
        # Nobody is behind anybody any more, and accounts that are gone take no room.
        if not self._size:
            self._accounts.clear()
            self._order.clear()
            self._now = 0.0
