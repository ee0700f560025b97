"""/api/keys: the keys of whoever is signed in."""

import time

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.keys import Keys
from penstock.web.access import SIGNED_IN
from penstock.web.lists import KeyList, PageQuery, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, KeyShown
from penstock.web.wanted import ChangedKey, NewKey, Rotation

_PATH, _ONE = "/api/keys", "/api/keys/{id}"
_ID = {"id": "The key's id."}

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
SHOW = route(
    "GET",
    _ONE,
    "showKey",
    "Show one of one's keys",
    answer=KeyShown,
    access=SIGNED_IN,
    parameters=_ID,
    errors=(NotFound,),
)
CHANGE = route(
    "PATCH",
    _ONE,
    "changeKey",
    "Change one of one's keys",
    request=ChangedKey,
    answer=KeyShown,
    access=SIGNED_IN,
    parameters=_ID,
    errors=(NotFound,),
)
REVOKE = route(
    "DELETE",
    _ONE,
    "revokeKey",
    "Revoke one of one's keys for good, and the keys that it made",
    answer=Deleted,
    access=SIGNED_IN,
    parameters=_ID,
    errors=(NotFound,),
)
ROTATE = route(
    "POST",
    f"{_ONE}/rotate",
    "rotateKey",
    "Give a key another secret, which is in this answer alone; the one before stays good for a while",
    request=Rotation,
    answer=KeyShown,
    access=SIGNED_IN,
    parameters=_ID,
    errors=(NotFound,),
)


class OwnKeys:
    """The routes. Each names the account, so that another's key is one that does not exist."""

    operations = (LIST, CREATE, SHOW, CHANGE, REVOKE, ROTATE)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        routing.add(SHOW, self.show)
        routing.add(CHANGE, self.change)
        routing.add(REVOKE, self.revoke)
        routing.add(ROTATE, self.rotate)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(PageQuery)
        page = await self._keys.page(account_id=asked.visitor.account_id, after=wanted.after, limit=wanted.limit)
        now = time.time()
        return list_of(KeyList, [KeyShown.of(key, now=now) for key in page.rows], has_more=page.has_more)

    async def create(self, asked: Asked) -> Struct:
        wanted, visitor = await asked.body(NewKey), asked.visitor
        key, secret = await self._keys.create(
            wanted.name,
            account_id=visitor.account_id,
            by=visitor.actor,
            expires_at=wanted.expires_at,
            scopes=wanted.scopes,
            models=wanted.models,
            limits=wanted.limits,
        )
        return KeyShown.of(key, now=time.time(), secret=secret)

    async def show(self, asked: Asked) -> Struct:
        key = await self._keys.get(asked.named("id"), account_id=asked.visitor.account_id)
        return KeyShown.of(key, now=time.time())

    async def change(self, asked: Asked) -> Struct:
        changes = (await asked.body(ChangedKey)).changes()
        visitor = asked.visitor
        key = await self._keys.update(asked.named("id"), changes, by=visitor.actor, account_id=visitor.account_id)
        return KeyShown.of(key, now=time.time())

    async def revoke(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        key = await self._keys.revoke(asked.named("id"), by=visitor.actor, account_id=visitor.account_id)
        return Deleted(id=key.id, object="api_key")

    async def rotate(self, asked: Asked) -> Struct:
        keep, visitor = (await asked.body(Rotation)).keep_seconds, asked.visitor
        key, secret = await self._keys.rotate(
            asked.named("id"), keep_seconds=keep, by=visitor.actor, account_id=visitor.account_id
        )
        return KeyShown.of(key, now=time.time(), secret=secret)
