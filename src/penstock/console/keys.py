"""/api/keys: the keys of whoever is signed in."""

from msgspec import Struct

from penstock.tenants.keys import Keys
from penstock.web.access import SIGNED_IN
from penstock.web.keys import OneKey, listed, make, of_one_key
from penstock.web.lists import KeyList, PageQuery
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import KeyShown
from penstock.web.wanted import NewKey

_PATH = "/api/keys"

LIST = route("GET", _PATH, "listKeys", "List one's keys", query=PageQuery, answer=KeyList, access=SIGNED_IN)
CREATE = route(
    "POST",
    _PATH,
    "createKey",
    "Make a key; its secret is in this answer alone",
    request=NewKey,
    answer=KeyShown,
    access=SIGNED_IN,
    examples={"laptop": {"name": "laptop", "scopes": ["inference"]}},
)
OF_ONE = of_one_key(_PATH, SIGNED_IN, called="Key", whose="one of one's keys")


class OwnKeys:
    """The routes. Each names the account, so that another's key is one that does not exist."""

    operations = (LIST, CREATE, *OF_ONE)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._one = OneKey(keys, lambda visitor: visitor.account_id)

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        self._one.add_to(routing, OF_ONE)

    async def list(self, asked: Asked) -> Struct:
        wanted, own = asked.query(PageQuery), asked.visitor.account_id
        return listed(await self._keys.page(account_id=own, after=wanted.after, limit=wanted.limit))

    async def create(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        return await make(self._keys, await asked.body(NewKey), visitor, account_id=visitor.account_id)
