"""What each error tells a client besides its message."""

from collections.abc import Iterator

import pytest

from penstock import errors
from penstock.errors import ApiError


def tree(top: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    yield top
    for below in top.__subclasses__():
        yield from tree(below)


def test_no_code_is_a_number_and_no_status_is_unknown() -> None:
    for error in tree():
        assert error.status in {400, 401, 403, 404, 405, 408, 413, 415, 417, 429, 431, 500, 502, 503}, error
        assert error.code
        assert not error.code.isdigit()
        assert error.__doc__


def test_what_a_client_is_told_about_trying_again() -> None:
    """The official clients retry 408, 409, 429 and 5xx by themselves; the header only speaks where they are wrong."""
    told = {error.__name__: error.should_retry for error in tree() if error.should_retry is not None}
    assert {name for name, retry in told.items() if retry} == {
        "RateLimited",
        "Unavailable",
        "DatabaseAway",
        "StorageAway",
        "PutBack",
        "ServerOverloaded",
        "ModelLoading",
        "ModelUnavailable",
        "EngineError",
    }
    assert {name for name, retry in told.items() if not retry} == {"NeverFits", "InsufficientQuota", "ModelFailed"}


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.InvalidRequest("no"), {}),
        (errors.MissingKey("no"), {"www-authenticate": "Bearer"}),
        (errors.InvalidKey("no"), {"www-authenticate": "Bearer"}),
        (errors.MethodNotAllowed("PUT", ["POST", "GET"]), {"allow": "GET, POST"}),
        (errors.ServerOverloaded("no", retry_after=7), {"retry-after": "7", "x-should-retry": "true"}),
        (errors.ModelLoading("no", retry_after=2), {"retry-after": "2", "x-should-retry": "true"}),
        (errors.ModelFailed("no", retry_after=120), {"retry-after": "120", "x-should-retry": "false"}),
        (errors.EngineError("no"), {"x-should-retry": "true"}),
        (errors.InternalError("no"), {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_the_headers_of_an_error(error: ApiError, headers: dict[str, str]) -> None:
    assert {name.decode(): value.decode() for name, value in error.headers()} == headers
