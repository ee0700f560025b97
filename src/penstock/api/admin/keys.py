"""/api/admin/keys: the keys of everybody."""

import time

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.keys import Keys
from penstock.web.access import ADMIN
from penstock.web.lists import KeyList, PageQuery, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, KeyShown
from penstock.web.wanted import ChangedKey, Id, NewKey, Rotation

_PATH, _ONE = "/api/admin/keys", "/api/admin/keys/{id}"
_ID = {"id": "The key's id."}


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
SHOW = route(
    "GET",
    _ONE,
    "showAnyKey",
    "Show a key",
    answer=KeyShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)
CHANGE = route(
    "PATCH",
    _ONE,
    "changeAnyKey",
    "Change a key",
    request=ChangedKey,
    answer=KeyShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)
REVOKE = route(
    "DELETE",
    _ONE,
    "revokeAnyKey",
    "Revoke a key for good, and the keys that it made",
    answer=Deleted,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)
ROTATE = route(
    "POST",
    f"{_ONE}/rotate",
    "rotateAnyKey",
    "Give a key another secret, which is in this answer alone; the one before stays good for a while",
    request=Rotation,
    answer=KeyShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)


class AdminKeys:
    """The routes."""

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
        wanted = asked.query(KeysQuery)
        page = await self._keys.page(account_id=wanted.account_id, after=wanted.after, limit=wanted.limit)
        now = time.time()
        return list_of(KeyList, [KeyShown.of(key, now=now) for key in page.rows], has_more=page.has_more)

    async def create(self, asked: Asked) -> Struct:
        wanted, visitor = await asked.body(NewKeyFor), asked.visitor
        key, secret = await self._keys.create(
            wanted.name,
            account_id=wanted.account_id or visitor.account_id,
            by=visitor.actor,
            expires_at=wanted.expires_at,
            scopes=wanted.scopes,
            models=wanted.models,
            limits=wanted.limits,
        )
        return KeyShown.of(key, now=time.time(), secret=secret)

    async def show(self, asked: Asked) -> Struct:
        key = await self._keys.get(asked.named("id"))
        return KeyShown.of(key, now=time.time())

    async def change(self, asked: Asked) -> Struct:
        changes = (await asked.body(ChangedKey)).changes()
        visitor = asked.visitor
        key = await self._keys.update(asked.named("id"), changes, by=visitor.actor)
        return KeyShown.of(key, now=time.time())

    async def revoke(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        key = await self._keys.revoke(asked.named("id"), by=visitor.actor)
        return Deleted(id=key.id, object="api_key")

    async def rotate(self, asked: Asked) -> Struct:
        keep, visitor = (await asked.body(Rotation)).keep_seconds, asked.visitor
        key, secret = await self._keys.rotate(asked.named("id"), keep_seconds=keep, by=visitor.actor)
        return KeyShown.of(key, now=time.time(), secret=secret)
