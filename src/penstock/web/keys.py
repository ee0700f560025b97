"""What is done to one key, under /api/keys and under /api/admin/keys: it is the same, but for whose key it may be."""

import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.key import Key
from penstock.tenants.keys import Keys
from penstock.tenants.paging import Page
from penstock.web.access import Access
from penstock.web.gate import Visitor
from penstock.web.lists import KeyList, list_of
from penstock.web.operation import Operation
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, KeyShown
from penstock.web.wanted import ChangedKey, NewKey, Rotation


def of_one_key(path: str, access: Access, *, called: str, whose: str) -> tuple[Operation, ...]:
    """The operations, in the order of `OneKey`; `called` is the key in their names, and `whose` in what they say."""

    def one(method: str, does: str, says: str, *, at: str = "", **more: Any) -> Operation:
        path_, name, summary = f"{path}/{{id}}{at}", f"{does}{called}", says.format(whose)
        parameters = {"id": "The key's id."}
        return route(method, path_, name, summary, access=access, parameters=parameters, errors=(NotFound,), **more)

    renewing = "Give {} another secret, which is in this answer alone; the one before stays good for a while"
    return (
        one("GET", "show", "Show {}", answer=KeyShown),
        one("PATCH", "change", "Change {}", request=ChangedKey, answer=KeyShown),
        one("DELETE", "revoke", "Revoke {} for good, and the keys that it made", answer=Deleted),
        one("POST", "rotate", renewing, at="/rotate", request=Rotation, answer=KeyShown),
    )


class OneKey:
    """The routes. `account_of` gives the account whose keys there are for who asks; None: all."""

    def __init__(self, keys: Keys, account_of: Callable[[Visitor], str | None]) -> None:
        self._keys = keys
        self._account_of = account_of

    def add_to(self, routing: Routing, operations: tuple[Operation, ...]) -> None:
        for operation, answer in zip(operations, (self.show, self.change, self.revoke, self.rotate), strict=True):
            routing.add(operation, answer)

    async def show(self, asked: Asked) -> Struct:
        return shown(await self._keys.get(asked.named("id"), account_id=self._account_of(asked.visitor)))

    async def change(self, asked: Asked) -> Struct:
        changes, visitor = (await asked.body(ChangedKey)).changes(), asked.visitor
        account_id = self._account_of(visitor)
        return shown(await self._keys.update(asked.named("id"), changes, by=visitor.actor, account_id=account_id))

    async def revoke(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        key = await self._keys.revoke(asked.named("id"), by=visitor.actor, account_id=self._account_of(visitor))
        return Deleted(id=key.id, object="api_key")

    async def rotate(self, asked: Asked) -> Struct:
        keep, visitor = (await asked.body(Rotation)).keep_seconds, asked.visitor
        key, secret = await self._keys.rotate(
            asked.named("id"), keep_seconds=keep, by=visitor.actor, account_id=self._account_of(visitor)
        )
        return KeyShown.of(key, now=time.time(), secret=secret)


async def make(keys: Keys, wanted: NewKey, visitor: Visitor, *, account_id: str) -> Struct:
    """A new key, shown with its secret."""
    key, secret = await keys.create(
        wanted.name,
        account_id=account_id,
        by=visitor.actor,
        expires_at=wanted.expires_at,
        scopes=wanted.scopes,
        models=wanted.models,
        limits=wanted.limits,
    )
    return KeyShown.of(key, now=time.time(), secret=secret)


def shown(key: Key) -> KeyShown:
    return KeyShown.of(key, now=time.time())


def listed(page: Page[Key]) -> KeyList:
    return list_of(KeyList, [shown(key) for key in page.rows], has_more=page.has_more)
