"""/api/password: how whoever is signed in changes the password."""

from msgspec import Struct

from penstock.errors import InvalidRequest, RateLimited, ServerOverloaded, WrongPassword
from penstock.tenants.accounts import Accounts
from penstock.tenants.tries import Tries
from penstock.web.access import SIGNED_IN
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import AccountShown
from penstock.web.wanted import ChangedPassword

CHANGE = route(
    "POST",
    "/api/password",
    "changePassword",
    "Change one's password, which ends one's other sessions",
    request=ChangedPassword,
    answer=AccountShown,
    access=SIGNED_IN,
    errors=(WrongPassword, RateLimited),
)


class OwnPassword:
    """The route."""

    operations = (CHANGE,)

    def __init__(self, accounts: Accounts, tries: Tries) -> None:
        self._accounts = accounts
        self._tries = tries

    def add_to(self, routing: Routing) -> None:
        routing.add(CHANGE, self.change)

    async def change(self, asked: Asked) -> Struct:
        """The current one has to be right: whoever finds an open browser gets no further."""
        given = await asked.body(ChangedPassword)
        visitor = asked.visitor
        # Counted for the account in place of an address: who guesses inside a session gets no more guesses by moving
        # about, and slows down no log-in of the owner's.
        email, place = visitor.actor.label, visitor.account_id
        self._tries.begin(email, place)
        try:
            account = await self._accounts.verify(email, given.current)
        except ServerOverloaded:
            self._tries.take_back(email, place)
            raise
        if account is None or account.id != visitor.account_id:
            raise WrongPassword("This is not your current password.")
        self._tries.succeeded(email, place)
        try:
            changed = await self._accounts.set_password(
                account.id, given.new, by=visitor.actor, keep_session=visitor.session_id
            )
        except InvalidRequest as error:
            raise InvalidRequest(error.message, param="new") from error
        return AccountShown.of(changed)
