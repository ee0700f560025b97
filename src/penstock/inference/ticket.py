"""What the door of an engine has to know of a request: whose it is, how urgent, and how much it asks for."""

from enum import IntEnum

from msgspec import Struct


class Tier(IntEnum):
    """The classes of requests. As long as somebody of one waits, nobody of those behind it enters."""

    REAL_TIME = 0
    """Somebody looks at the screen: the service tiers `auto`, `default` and `priority`."""
    FLEX = 1
    """Somebody waits, and said that it may take longer."""
    BATCH = 2
    """A line of a batch: nobody waits for it now."""


class Ticket(Struct, frozen=True):
    """One request at the door."""

    account_id: str = ""
    tokens: int = 1
    """Of prompt and answers together, at most: what it costs its account in the queue."""
    places: int = 1
    """Slots that it needs at once, one for each choice."""
    tier: Tier = Tier.REAL_TIME
    weight: float = 1.0
    """How much faster its account's turn comes than another's."""
    ahead: bool = False
    """It goes before its account's other requests."""
    put_backs: int = 0
    """How often it had to make way and begin anew."""


def tier_of(service_tier: str, *, batch: bool) -> Tier:
    """The class of a request that asked for this service tier."""
    if batch:
        return Tier.BATCH
    return Tier.FLEX if service_tier == "flex" else Tier.REAL_TIME
