"""/api/admin/keys: the keys of everybody."""

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.keys import Keys
from penstock.web.access import ADMIN
from penstock.web.keys import OneKey, listed, make, of_one_key
from penstock.web.lists import KeyList, PageQuery
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import KeyShown
from penstock.web.wanted import Id, NewKey

_PATH = "/api/admin/keys"


class KeysQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which keys."""

    account_id: Id | None = None


class NewKeyFor(NewKey, forbid_unknown_fields=True, kw_only=True):
    """A key to make for an account."""

    account_id: Id | None = None
    """By default one's own."""


LIST = route(
    "GET",
    _PATH,
    "listAllKeys",
    "List the keys of all accounts, or of one",
    query=KeysQuery,
    answer=KeyList,
    access=ADMIN,
)
CREATE = route(
    "POST",
    _PATH,
    "createKeyFor",
    "Make a key for an account; its secret is in this answer alone",
    request=NewKeyFor,
    answer=KeyShown,
    access=ADMIN,
    errors=(NotFound,),
)
OF_ONE = of_one_key(_PATH, ADMIN, called="AnyKey", whose="a key")


class AdminKeys:
    """The routes."""

    operations = (LIST, CREATE, *OF_ONE)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._one = OneKey(keys, lambda _: None)

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        self._one.add_to(routing, OF_ONE)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(KeysQuery)
        return listed(await self._keys.page(account_id=wanted.account_id, after=wanted.after, limit=wanted.limit))

    async def create(self, asked: Asked) -> Struct:
        wanted, visitor = await asked.body(NewKeyFor), asked.visitor
        return await make(self._keys, wanted, visitor, account_id=wanted.account_id or visitor.account_id)
