"""What a request cost, written into the ledger once, whatever way the request ends."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from penstock.engines.engine import Counts
from penstock.errors import ApiError, InternalError
from penstock.tenants.caller import Caller
from penstock.tenants.usage import Ledger, UsageRecord

CLIENT_LEFT = 499
"""The status in the ledger of a request whose client left before it had one; nginx's number for it."""


class Delivery(Protocol):
    """How the answer gets to whoever asked."""

    @property
    def path(self) -> str:
        """The URL's path that was asked, as the ledger's `endpoint` has it."""

    @property
    def begun(self) -> bool:
        """Whether its status has been sent."""

    @property
    def broken_off(self) -> ApiError | None:
        """Why it is being broken off; None while it is not, and when it is the client that left."""


class Entry:
    """One request while it runs: its times, and the counts of its engine."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.created = time.time()
        self.entered: float | None = None
        self.first_token: float | None = None
        self.counts = Counts()
        self.finish_reason: str | None = None

    def _since_start(self, moment: float | None) -> float | None:
        return None if moment is None else (moment - self.started) * 1000

    @property
    def queue_ms(self) -> float:
        return self._since_start(self.entered or time.monotonic()) or 0.0

    @property
    def ttft_ms(self) -> float | None:
        return self._since_start(self.first_token)

    @property
    def total_ms(self) -> float:
        return (time.monotonic() - self.started) * 1000


class Meter:
    """Follows requests from admission to their end."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @contextmanager
    def follow(
        self, caller: Caller, *, request_id: str, model: str, streamed: bool, delivery: Delivery
    ) -> Iterator[Entry]:
        """Record the request when the block is left: completed, failed with its error's status, or aborted.

        Settling is a plain call without an await, so no cancellation can come between a request and its row.
        """
        entry = Entry()
        status, outcome = InternalError.status, "failed"  # of whatever is none of the cases below
        try:
            yield entry
            status, outcome = 200, "completed"
        except ApiError as error:
            status = error.status
            raise
        except (asyncio.CancelledError, GeneratorExit):
            reason = delivery.broken_off
            status, outcome = (reason.status, "failed") if reason else (CLIENT_LEFT, "aborted")
            raise
        finally:
            # What failed is billed only where the client got something of it; an answer of 5xx is none.
            billed = outcome != "failed" or (delivery.begun and entry.first_token)
            status = 200 if delivery.begun else status
            usage = (entry.counts if billed else Counts()).usage()
            self._ledger.record(
                UsageRecord(
                    request_id=request_id,
                    account_id=caller.account_id,
                    key_id=caller.key_id,
                    model=model,
                    endpoint=delivery.path,
                    created_at=entry.created,
                    status=status,
                    outcome=outcome,
                    finish_reason=entry.finish_reason,
                    streamed=streamed,
                    prompt_tokens=usage.prompt_tokens,
                    cached_tokens=usage.prompt_tokens_details.cached_tokens,
                    completion_tokens=usage.completion_tokens,
                    reasoning_tokens=usage.completion_tokens_details.reasoning_tokens,
                    queue_ms=entry.queue_ms,
                    ttft_ms=entry.ttft_ms,
                    total_ms=entry.total_ms,
                )
            )
