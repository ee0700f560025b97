"""Who is calling: the one function that reads a credential, whatever header carries it."""

from collections.abc import Iterable

from penstock.errors import InvalidRequest, MissingKey
from penstock.tenants.caller import Caller
from penstock.tenants.callers import Callers
from penstock.web.access import Access
from penstock.web.asgi import Scope

_CARRIERS = (b"authorization", b"x-api-key")


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The API key in `Authorization: Bearer KEY`, `Authorization: KEY` or `x-api-key: KEY`.

    Raises MissingKey without one and InvalidRequest where two differ: guessing which one is meant would let the other
    pass unchecked.
    """
    found = {_strip_scheme(name, value) for name, value in headers if name in _CARRIERS} - {b""}
    if not found:
        raise MissingKey("Send your API key as `Authorization: Bearer KEY`.")
    if len(found) > 1:
        raise InvalidRequest("The request carries two different API keys; send one.")
    secret = found.pop()
    return secret.decode("latin-1")  # any bytes at all: whether it is a key is for Callers.find to say


def _strip_scheme(name: bytes, value: bytes) -> bytes:
    value = value.strip()
    if name == b"authorization" and value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return b"" if value.lower() == b"bearer" else value


class Authenticator:
    """Turns the headers of a request into a caller; every route calls it for itself."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def caller(self, scope: Scope, access: Access) -> Caller:
        """Who sends the request with this ASGI scope; noted in it too, for the request log.

        Raises MissingKey, InvalidKey, InvalidRequest, or PermissionDenied where `access` wants another scope.
        """
        caller: Caller = await self._callers.find(secret_of(scope["headers"]))
        scope["caller"] = caller
        if access.scopes:
            caller.require(*access.scopes)
        return caller
