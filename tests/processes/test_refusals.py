"""An error that the owner tells is the same error at the client."""

import pytest

from penstock.errors import (
    ApiError,
    DatabaseAway,
    EngineError,
    InsufficientQuota,
    InvalidRequest,
    ModelLoading,
    NeverFits,
    RateLimited,
    ServerOverloaded,
)
from penstock.processes.messages import Left
from penstock.processes.refusals import error_of, owner_away, refused


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("Too many.", limit="requests_per_minute", retry_after=1.25),
        NeverFits("Never.", limit="input_tokens_per_minute"),
        InsufficientQuota("No money.", limit="monthly_budget", retry_after=3600.0),
        ServerOverloaded("Full.", retry_after=7),
        ModelLoading("It loads.", retry_after=2),
        InvalidRequest("No.", param="n"),
        DatabaseAway("Away.", retry_after=5),
    ],
)
def test_errors_arrive_as_they_were(error: ApiError) -> None:
    told = refused(3, error, [Left(0, 60, 0, 12.5)])
    arrived = error_of(told)
    assert (told.n, told.left[0].remaining) == (3, 0)
    assert type(arrived) is type(error)
    for name in ("message", "status", "type", "code", "param", "retry_after"):
        assert getattr(arrived, name) == getattr(error, name)
    assert arrived.headers() == error.headers()
    assert getattr(arrived, "limit", "") == getattr(error, "limit", "")


def test_what_nobody_thought_of_is_not_ready_now() -> None:
    assert error_of(refused(1, EngineError("Broken."), [])).status == 503


def test_who_comes_while_the_owner_is_away_may_come_back() -> None:
    away = owner_away()
    assert (away.status, away.should_retry) == (503, True)
    assert (b"retry-after", b"2") in away.headers()
