"""How fast an engine is, from the requests that it has done: what those that wait will take."""

from penstock.inference.ticket import Ticket, Tier

_KEPT = 0.95
"""Of what was measured before, with each request that ends."""
_FIRST_TOKENS = 256
_FIRST_SECONDS = 1.0
"""What a request is taken to come to before one has ended."""


class Speed:
    """Means that follow the last twenty requests or so. Their worst case says little: most end long before it."""

    def __init__(self) -> None:
        self._tokens = float(_FIRST_TOKENS)
        self._slot_seconds = _FIRST_SECONDS
        self._counted = False
        self._usual = [float(_FIRST_TOKENS) for _ in Tier]

    def count(self, ticket: Ticket, tokens: int, *, seconds: float) -> None:
        """A request came to `tokens`, and held its slots for `seconds`."""
        self._counted = True
        self._tokens = _KEPT * self._tokens + tokens
        self._slot_seconds = _KEPT * self._slot_seconds + ticket.places * seconds
        self._usual[ticket.tier] += (1 - _KEPT) * (tokens - self._usual[ticket.tier])

    @property
    def rate(self) -> float | None:
        """Tokens a second of one request, read and written; None before one has ended."""
        return self._tokens / self._slot_seconds if self._counted else None

    def expected(self, ticket: Ticket) -> int:
        """The tokens that a request will come to: what is usual, or all that it may have where that is less."""
        return round(min(ticket.tokens, self._usual[ticket.tier]))

    def seconds(self, tokens: float, *, slots: int) -> float:
        """How long so many tokens take where all slots are at work."""
        return tokens * self._slot_seconds / (self._tokens * slots)
