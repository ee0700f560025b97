"""/api/setup: how a new server gets its administrator, and what a visitor may know before signing in."""

from typing import Literal

from fastapi import Response
from msgspec import Struct

from penstock.console.log_in import SignedInShown, SignupMode, begin_session
from penstock.errors import ApiError, DatabaseAway, RateLimited, SetupDone, WrongSetupToken
from penstock.tenants.sessions import Sessions
from penstock.tenants.setup import Setup
from penstock.tenants.tries import Tries
from penstock.web.access import OPEN
from penstock.web.routing import Asked, Routing, route
from penstock.web.wanted import FirstAdmin


class SetupShown(Struct, kw_only=True):
    """What there is to do before anybody signs in."""

    object: Literal["setup"] = "setup"
    needed: bool
    """Whether no account can log in yet."""
    signup: SignupMode
    """Who may make an account."""
    signed_in: bool
    """Whether the request came with a good session: a browser calls the 401 of /api/session an error."""


SHOW = route(
    "GET",
    "/api/setup",
    "showSetup",
    "Show whether the server has to be set up, and who may sign up",
    answer=SetupShown,
    access=OPEN,
    errors=(DatabaseAway,),
)
FINISH = route(
    "POST",
    "/api/setup",
    "finishSetup",
    "Make the first administrator, with the token that `penstock serve` printed, and sign in",
    request=FirstAdmin,
    answer=SignedInShown,
    access=OPEN,
    errors=(WrongSetupToken, SetupDone, RateLimited),
)


class SettingUp:
    """The routes."""

    operations = (SHOW, FINISH)

    def __init__(self, setup: Setup, sessions: Sessions, tries: Tries, *, signup: SignupMode) -> None:
        self._setup = setup
        self._sessions = sessions
        self._tries = tries
        self._signup = signup

    def add_to(self, routing: Routing) -> None:
        routing.add(SHOW, self.show)
        routing.add(FINISH, self.finish)

    async def show(self, asked: Asked) -> Struct:
        token = asked.visitor.token
        signed_in = bool(token) and await self._sessions.find(token) is not None
        return SetupShown(needed=await self._setup.needed(), signup=self._signup, signed_in=signed_in)

    async def finish(self, asked: Asked) -> Response:
        """Only a wrong token counts as a failed try; where nothing is to be set up nobody can try."""
        given = await asked.body(FirstAdmin)
        if not await self._setup.needed():
            raise SetupDone
        self._tries.begin("", asked.address)  # one secret for everybody, so no e-mail
        try:
            account = await self._setup.finish(
                given.token,
                name=given.name,
                email=given.email,
                password=given.password,
                request_id=asked.visitor.request_id,
            )
        except WrongSetupToken:
            raise
        except ApiError:
            self._tries.take_back("", asked.address)
            raise
        self._tries.succeeded("", asked.address)
        return await begin_session(self._sessions, asked, account)
