"""/api/login, /api/logout, /api/signup and /api/session: how a browser gets a session, and loses it."""

from typing import Literal

from fastapi import Response
from msgspec import Struct

from penstock.errors import NotFound, RateLimited, ServerOverloaded, SignupClosed, WrongPassword
from penstock.tenants.accounts import Account, Accounts
from penstock.tenants.audit import Actor
from penstock.tenants.invitations import Invitations
from penstock.tenants.sessions import Session, Sessions
from penstock.tenants.setup import Setup
from penstock.tenants.tries import Tries
from penstock.web.access import OPEN, SIGNED_IN
from penstock.web.cookie import kept, taken_back
from penstock.web.routing import Asked, Routing, private, route
from penstock.web.shown import AccountShown, Deleted, SessionShown
from penstock.web.wanted import LogIn, SignUp

SignupMode = Literal["closed", "invitation", "open"]


class SignedInShown(Struct, kw_only=True):
    """Who is signed in."""

    object: Literal["signed_in"] = "signed_in"
    account: AccountShown
    session: SessionShown


class SignedUp(Struct, kw_only=True):
    """There is an account with this e-mail now: a new one, or one that was there before and stays as it was. Which of
    the two is not told; POST /api/login opens it with its password."""

    object: Literal["signed_up"] = "signed_up"
    email: str


LOG_IN = route(
    "POST",
    "/api/login",
    "logIn",
    "Sign in with e-mail and password; the session comes as a cookie",
    request=LogIn,
    answer=SignedInShown,
    access=OPEN,
    errors=(WrongPassword, RateLimited),
)
SIGN_UP = route(
    "POST",
    "/api/signup",
    "signUp",
    "Make an account for oneself, where the setting `signup` lets one; then sign in with it",
    request=SignUp,
    answer=SignedUp,
    access=OPEN,
    errors=(SignupClosed, NotFound, RateLimited),
)
LOG_OUT = route("POST", "/api/logout", "logOut", "End this session", answer=Deleted, access=SIGNED_IN)
SHOW = route("GET", "/api/session", "showSession", "Show who is signed in", answer=SignedInShown, access=SIGNED_IN)


class SigningIn:
    """The routes."""

    operations = (LOG_IN, SIGN_UP, LOG_OUT, SHOW)

    def __init__(
        self,
        accounts: Accounts,
        invitations: Invitations,
        setup: Setup,
        sessions: Sessions,
        tries: Tries,
        *,
        sign_ups: Tries,
        signup: SignupMode,
    ) -> None:
        """`sign_ups` are counted apart from `tries`, so that a class that signs up can log in."""
        self._accounts = accounts
        self._invitations = invitations
        self._setup = setup
        self._sessions = sessions
        self._tries = tries
        self._sign_ups = sign_ups
        self._signup = signup

    def add_to(self, routing: Routing) -> None:
        routing.add(LOG_IN, self.log_in)
        routing.add(SIGN_UP, self.sign_up)
        routing.add(LOG_OUT, self.log_out)
        routing.add(SHOW, self.show)

    async def log_in(self, asked: Asked) -> Response:
        """Whatever is wrong, the answer and the work are the same."""
        given = await asked.body(LogIn)
        self._tries.begin(given.email, asked.address)
        try:
            account = await self._accounts.verify(given.email, given.password)
        except ServerOverloaded:
            self._tries.take_back(given.email, asked.address)
            raise
        if account is None:
            raise WrongPassword("There is no account with this e-mail and this password.")
        self._tries.succeeded(given.email, asked.address)
        return await begin_session(self._sessions, asked, account)

    async def sign_up(self, asked: Asked) -> Struct:
        """Without an invitation the answer and the work are the same, whether an account has this e-mail or not."""
        given = await asked.body(SignUp)
        if self._signup == "closed":
            raise SignupClosed("Nobody can sign up here; an administrator makes accounts.")
        if self._signup == "invitation" and given.invitation is None:
            raise SignupClosed("An account is made by invitation here: send the one you have as `invitation`.")
        if given.invitation is None and await self._setup.needed():
            # An account with a password ends the set-up: nobody may take that from the operator by being first.
            raise SignupClosed("This server is not set up yet. Whoever runs it has to do that first.")
        self._sign_ups.begin(given.email, asked.address)  # each costs a password's hash, and tells a little
        email = given.email.strip().lower()
        by = Actor(email, request_id=asked.visitor.request_id)
        if given.invitation is None:
            await self._accounts.sign_up(given.email, by=by, name=given.name, password=given.password)
        else:
            await self._invitations.redeem(
                given.invitation, email=given.email, password=given.password, name=given.name, by=by
            )
        return SignedUp(email=email)

    async def log_out(self, asked: Asked) -> Response:
        visitor = asked.visitor
        ended = await self._sessions.end(visitor.session_id, account_id=visitor.account_id)
        forgotten = {"set-cookie": taken_back(secure=asked.secure)}
        return private(Deleted(id=ended.id, object="session"), forgotten)

    async def show(self, asked: Asked) -> Struct:
        signed_in = asked.visitor.signed_in
        assert signed_in is not None, "the route is for sessions"
        return _shown(signed_in.account, signed_in.session)


async def begin_session(sessions: Sessions, asked: Asked, account: Account) -> Response:
    """Sign an account in: the answer that says so, with the session's cookie."""
    # Always a new token: one that was there before, planted perhaps, never becomes this account's.
    session, token = await sessions.begin(account, client=asked.client, instead_of=asked.visitor.token)
    return private(_shown(account, session), {"set-cookie": kept(token, secure=asked.secure)})


def _shown(account: Account, session: Session) -> SignedInShown:
    return SignedInShown(account=AccountShown.of(account), session=SessionShown.of(session, current=session.id))
