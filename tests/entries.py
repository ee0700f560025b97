"""Requests as the meter follows them, without a server around."""

from collections.abc import Callable

from penstock.errors import ApiError
from penstock.inference.meter import Asked, Entry
from penstock.inference.unfinished import Unfinished
from penstock.protocol.price import Price
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Standing
from penstock.tenants.usage import UsageRecord

CALLER = Caller("acct", "key", "name", project_id="proj")
ASKED = Asked("r", "m", streamed=True, tier="flex", price=Price(input=3, cached_input=1, output=5))
ROW = UsageRecord(
    request_id="r",
    account_id="acct_secret",
    key_id="key_secret",
    model="m",
    endpoint="/v1/chat/completions",
    created_at=0.0,
    status=200,
    outcome="completed",
    finish_reason="stop",
    streamed=True,
    prompt_tokens=10,
    cached_tokens=4,
    completion_tokens=5,
    reasoning_tokens=2,
    queue_ms=20.0,
    ttft_ms=100.0,
    total_ms=1100.0,
    decode_ms=1000.0,
)
"""A request whose five tokens came over one second."""


class Delivered:
    """An answer that got as far as a test says."""

    path = "/v1/chat/completions"
    batch = False
    batch_id = None
    put_backs = 0
    unfinished: Unfinished | None = None

    def __init__(self, *, begun: bool = False, broken_off: ApiError | None = None) -> None:
        self.standing: Callable[[], Standing] | None = None
        self.begun = begun
        self.broken_off = broken_off


def entry(rows: list[UsageRecord] | None = None) -> Entry:
    """A request whose row goes to `rows`."""
    return Entry(CALLER, ASKED, Delivered(), record=lambda row, _: None if rows is None else rows.append(row))


def entry_of(*choices: int, entered: bool = True) -> Entry:
    """What the meter knows of a request with choices of so many tokens."""
    followed = entry()
    followed.entered = followed.started if entered else None
    for number, tokens in enumerate(choices):
        followed.counts.wrote(number, tokens)
    return followed
