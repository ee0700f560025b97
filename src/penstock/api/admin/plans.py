"""/api/admin/plans."""

from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import fields

from penstock.errors import NotFound
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.plans import Plan
from penstock.web.access import ADMIN
from penstock.web.lists import PlanList, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, PlanShown

_PATH, _ONE = "/api/admin/plans", "/api/admin/plans/{name}"
_NAME = {"name": "The plan's name."}

LIST = route("GET", _PATH, "listPlans", "List all plans", answer=PlanList, access=ADMIN)
SHOW = route(
    "GET", _ONE, "showPlan", "Show a plan", answer=PlanShown, access=ADMIN, parameters=_NAME, errors=(NotFound,)
)
SET = route(
    "PUT",
    _ONE,
    "setPlan",
    "Define a plan, or make a new one; a limit that is not there is none",
    request=Plan,
    answer=PlanShown,
    access=ADMIN,
    parameters=_NAME,
)
RESET = route(
    "DELETE",
    _ONE,
    "resetPlan",
    "Take back what administrators changed of a plan; one that they made is gone",
    answer=Deleted,
    access=ADMIN,
    parameters=_NAME,
    errors=(NotFound,),
)


class AdminPlans:
    """The routes."""

    operations = (LIST, SHOW, SET, RESET)

    def __init__(self, plans: PlanStore) -> None:
        self._plans = plans

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(SHOW, self.show)
        routing.add(SET, self.set)
        routing.add(RESET, self.reset)

    async def list(self, asked: Asked) -> Struct:
        return list_of(PlanList, [PlanShown.of(plan) for plan in await self._plans.list()])

    async def show(self, asked: Asked) -> Struct:
        return PlanShown.of(await self._plans.get(asked.named("name")))

    async def set(self, asked: Asked) -> Struct:
        name, definition = asked.named("name"), _whole(await asked.body(Plan))
        try:
            await self._plans.get(name)
        except NotFound:
            return PlanShown.of(await self._plans.set(name, definition, by=asked.visitor.actor, new=True))
        return PlanShown.of(await self._plans.set(name, definition, by=asked.visitor.actor))

    async def reset(self, asked: Asked) -> Struct:
        name = asked.named("name")
        await self._plans.reset(name, by=asked.visitor.actor)
        return Deleted(id=name, object="plan")


def _whole(plan: Plan) -> dict[str, Any]:
    """Every field: what a definition leaves out is no limit, and not what it was before."""
    return {field.name: to_builtins(getattr(plan, field.name)) for field in fields(Plan)}
