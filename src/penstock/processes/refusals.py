"""Errors of one process, told in another as they would be told there."""

from penstock.errors import (
    ApiError,
    DatabaseAway,
    InsufficientQuota,
    InvalidRequest,
    ModelLoading,
    ModelUnavailable,
    NeverFits,
    RateLimited,
    ServerOverloaded,
    Unavailable,
)
from penstock.processes.messages import Left, Refused

AWAY_SECONDS = 2
"""When to come back while the owner is away: so long it takes to start, but for its models."""

_LIMITED = {kind.__name__: kind for kind in (RateLimited, NeverFits, InsufficientQuota)}
_OF_MODELS = {kind.__name__: kind for kind in (ModelLoading, ModelUnavailable)}
_OTHERS = {kind.__name__: kind for kind in (InvalidRequest, ServerOverloaded, DatabaseAway)}


def refused(n: int, error: ApiError, left: list[Left]) -> Refused:
    """The answer that tells of an error."""
    limit = error.limit if isinstance(error, RateLimited) else ""
    return Refused(
        n, type(error).__name__, error.message, error.code, error.param, error.retry_after, limit=limit, left=left
    )


def error_of(told: Refused) -> ApiError:
    """The error that an answer tells of."""
    if limited := _LIMITED.get(told.kind):
        return limited(told.message, limit=told.limit, retry_after=told.retry_after)
    if of_model := _OF_MODELS.get(told.kind):
        return of_model(told.message, retry_after=round(told.retry_after or AWAY_SECONDS))
    kind = _OTHERS.get(told.kind, Unavailable)
    return kind(told.message, code=told.code, param=told.param, retry_after=told.retry_after)


def owner_away() -> Unavailable:
    """What cannot be done while the process that owns engines and limits is away."""
    message = "The process that owns engines and limits is being started anew. Try again in a moment."
    return Unavailable(message, code="service_unavailable", retry_after=AWAY_SECONDS)
