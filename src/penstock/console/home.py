"""/api/home: how far an account has come with its first steps."""

import time
from typing import Literal

from msgspec import Struct

from penstock.tenants.keys import Keys
from penstock.tenants.usage_report import HOUR, Question, UsageReport
from penstock.web.access import SIGNED_IN
from penstock.web.routing import Asked, Routing, route


class FirstSteps(Struct, kw_only=True):
    """What an account has done; whether a model is ready, the list of models says."""

    object: Literal["first_steps"] = "first_steps"
    has_asked: bool
    """Whether a model has answered it in the console."""
    has_called: bool
    """Whether a model has answered one of its keys, from code."""


SHOW = route("GET", "/api/home", "showFirstSteps", "Show one's first steps", answer=FirstSteps, access=SIGNED_IN)


class Home:
    """The route."""

    operations = (SHOW,)

    def __init__(self, keys: Keys, usage: UsageReport) -> None:
        self._keys = keys
        self._usage = usage

    def add_to(self, routing: Routing) -> None:
        routing.add(SHOW, self.show)

    async def show(self, asked: Asked) -> Struct:
        signed_in = asked.visitor.signed_in
        assert signed_in is not None, "the route is for sessions"
        account = signed_in.account
        console = await self._keys.of_console(account.id)
        question = Question(
            account_id=account.id, start=int(account.created_at), stop=int(time.time()) + HOUR, by=("key_id",)
        )
        answered = {group.values[0] for group in await self._usage.totals(question) if group.sums.completion_tokens}
        return FirstSteps(has_asked=console.id in answered, has_called=bool(answered - {console.id}))
