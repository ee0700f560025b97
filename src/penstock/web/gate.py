"""Who comes in: the one function that reads every carrier of a credential, and asks whether it is enough."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.errors import InvalidRequest, MissingKey, NotSignedIn, PermissionDenied
from penstock.tenants.audit import Actor
from penstock.tenants.caller import Caller
from penstock.tenants.callers import Callers
from penstock.tenants.console_callers import ConsoleCallers
from penstock.tenants.sessions import Sessions, SignedIn
from penstock.web.access import Access
from penstock.web.asgi import Scope
from penstock.web.cookie import token_of
from penstock.web.origin import Origin

_CARRIERS = (b"authorization", b"x-api-key")


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The API key in `Authorization: Bearer KEY`, `Authorization: KEY` or `x-api-key: KEY`; "" without one.

    Raises InvalidRequest where two differ: guessing which one is meant would let the other pass unchecked.
    """
    found = b""
    for name, value in headers:
        if name in _CARRIERS and (secret := _strip_scheme(name, value)):
            if found and found != secret:
                raise InvalidRequest("The request carries two different API keys; send one.")
            found = secret
    return found.decode("latin-1")  # any bytes at all: Callers.find says whether it is a key


def _strip_scheme(name: bytes, value: bytes) -> bytes:
    value = value.strip()
    if name == b"authorization" and value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return b"" if value.lower() == b"bearer" else value


@dataclass(frozen=True)
class Visitor:
    """Who came in, by a key or by a session."""

    request_id: str
    caller: Caller | None = None
    signed_in: SignedIn | None = None
    token: str = field(default="", repr=False)
    """What the browser sent as its session's; good only where `signed_in` is."""
    acting: Caller | None = None
    """As whom who is signed in asks models, where the route lets them."""

    @property
    def account_id(self) -> str:
        if self.signed_in is not None:
            return self.signed_in.account.id
        assert self.caller is not None, "a route for everybody has no account"
        return self.caller.account_id

    @property
    def session_id(self) -> str:
        """ "" for who came in by a key."""
        return "" if self.signed_in is None else self.signed_in.session.id

    def in_person(self) -> None:
        """Raises PermissionDenied for a key: it must not make an administrator, who could then do more than itself."""
        if self.caller is not None:
            raise PermissionDenied("Only an administrator who is signed in may do this; an API key may not.")

    @property
    def actor(self) -> Actor:
        """As whom this visitor acts; what is done by a key is bound by what that key may do."""
        if self.signed_in is not None:
            account = self.signed_in.account
            return Actor(account.email or account.name, account_id=account.id, request_id=self.request_id)
        assert self.caller is not None, "a route for everybody has no actor"
        return Actor(
            f"API key {self.caller.key_name}",
            account_id=self.caller.account_id,
            key_id=self.caller.key_id,
            request_id=self.request_id,
        )


class Gate:
    """Turns the headers of a request into who sends it; every route calls it for itself."""

    def __init__(self, callers: Callers, sessions: Sessions, console: ConsoleCallers) -> None:
        self._callers = callers
        self._sessions = sessions
        self._console = console

    async def caller(self, scope: Scope, access: Access) -> Caller:
        """Who sends the request with this ASGI scope, by a key; noted in it too, for the request log.

        Raises MissingKey, InvalidKey, InvalidRequest, or PermissionDenied where `access` wants another scope.
        """
        secret = secret_of(scope["headers"])
        if not secret:
            raise MissingKey("Send your API key as `Authorization: Bearer KEY`.")
        caller: Caller = await self._callers.find(secret)
        scope["caller"] = caller
        if access.scopes:
            caller.require(*access.scopes)
        return caller

    async def acting(self, scope: Scope, access: Access) -> Caller:
        """As `caller`, but by a session. Raises what `visitor` does."""
        acting = (await self.visitor(scope, access)).acting
        assert acting is not None, "the route lets nobody act"
        return acting

    async def visitor(self, scope: Scope, access: Access) -> Visitor:
        """Who sends the request, by whichever credential `access` takes.

        Raises what `caller` does, NotSignedIn, and WrongOrigin for a cookie that a foreign page makes use of.
        """
        headers, origin = scope["headers"], Origin.of(scope["headers"])
        secret, token = secret_of(headers), token_of(headers, secure=origin.secure)
        if access.everybody:
            origin.check(scope["method"], cookie=bool(token))
            return Visitor(scope["request_id"], token=token)
        if secret and token:
            raise InvalidRequest("The request carries an API key and a session; send one of them.")
        if access.scopes is not None and not token:
            return Visitor(scope["request_id"], caller=await self.caller(scope, access))
        if access.role is None:
            raise MissingKey("Send your API key as `Authorization: Bearer KEY`.")
        origin.check(scope["method"], cookie=bool(token))
        signed_in = await self._sessions.find(token) if token else None
        if signed_in is None:
            raise NotSignedIn("Sign in first.")
        scope["signed_in"] = signed_in
        if access.role == "admin" and signed_in.account.role != "admin":
            raise PermissionDenied("Only an administrator may do this.")
        acting = await self._console.of(signed_in.account) if access.acts else None
        return Visitor(scope["request_id"], signed_in=signed_in, token=token, acting=acting)
