"""/api/keys: the keys of whoever is signed in."""

import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.protocol.validation import NO_NUL
from penstock.tenants.keys import Keys, KeySort
from penstock.tenants.usage_report import DAY, Question, UsageReport, floor_to
from penstock.web.access import SIGNED_IN
from penstock.web.keys import OneKey, listed, make, of_one_key
from penstock.web.lists import KeyList, PageQuery
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import KeyShown
from penstock.web.wanted import Id, NewKey

_PATH = "/api/keys"
_DAYS = 7


class KeyQuery(PageQuery, kw_only=True):
    """Which of one's keys, and in which order."""

    sort: KeySort = "created_at"
    order: Literal["asc", "desc"] = "desc"
    search: Annotated[str, Meta(max_length=100, pattern=NO_NUL)] = ""
    """A part of a name, in capitals or not."""
    revoked: bool = True
    """Whether those that were revoked are listed too."""


class ActivityQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Of which keys."""

    ids: Annotated[list[Id], Meta(max_length=90)] = []
    """None: of all that were used."""


class KeyActivity(Struct, kw_only=True):
    """How much one key was used."""

    key_id: str
    requests: list[int]
    """For each day."""


class ActivityList(Struct, kw_only=True):
    """How much keys were used in the last seven days; a key that is not there was not."""

    object: Literal["list"] = "list"
    days: list[int]
    """When each day begins, in UTC; the last is today."""
    data: list[KeyActivity]


LIST = route("GET", _PATH, "listKeys", "List one's keys", query=KeyQuery, answer=KeyList, access=SIGNED_IN)
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
ACTIVITY = route(
    "GET",
    "/api/key-activity",
    "listKeyActivity",
    "Show how many requests one's keys made on each of the last seven days",
    query=ActivityQuery,
    answer=ActivityList,
    access=SIGNED_IN,
)
OF_ONE = of_one_key(_PATH, SIGNED_IN, called="Key", whose="one of one's keys")


class OwnKeys:
    """The routes. Each names the account, so that another's key is one that does not exist."""

    operations = (LIST, CREATE, ACTIVITY, *OF_ONE)

    def __init__(self, keys: Keys, report: UsageReport) -> None:
        self._keys = keys
        self._report = report
        self._one = OneKey(keys, lambda visitor: visitor.account_id)

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        routing.add(ACTIVITY, self.activity)
        self._one.add_to(routing, OF_ONE)

    async def list(self, asked: Asked) -> Struct:
        wanted, own = asked.query(KeyQuery), asked.visitor.account_id
        page = await self._keys.page(
            account_id=own,
            after=wanted.after,
            limit=wanted.limit,
            sort=wanted.sort,
            ascending=wanted.order == "asc",
            search=wanted.search,
            revoked=wanted.revoked,
        )
        return listed(page)

    async def create(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        return await make(self._keys, await asked.body(NewKey), visitor, account_id=visitor.account_id)

    async def activity(self, asked: Asked) -> Struct:
        """One question about all of the keys, not one for each."""
        stop = floor_to(int(time.time()), DAY) + DAY
        question = Question(
            account_id=asked.visitor.account_id,
            start=stop - _DAYS * DAY,
            stop=stop,
            by=("key_id",),
            only={"key_id": asked.query(ActivityQuery).ids},
        )
        buckets = await self._report.buckets(question, seconds=DAY)
        requests: dict[str, list[int]] = {}
        for at, bucket in enumerate(buckets):
            for group in bucket.groups:
                requests.setdefault(str(group.values[0]), [0] * _DAYS)[at] = group.sums.requests
        data = [KeyActivity(key_id=key_id, requests=each) for key_id, each in sorted(requests.items())]
        return ActivityList(days=[bucket.start for bucket in buckets], data=data)
