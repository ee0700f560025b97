"""/api/plans and /api/limits: what an account may use, and how much of it is there now."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from penstock.protocol.price import PICOS
from penstock.tenants.limits import Figure, Limiter
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.rules import BUDGET, FIGURES
from penstock.web.access import ACTING, SIGNED_IN
from penstock.web.lists import PlanList, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import PlanShown


class FigureShown(Struct, kw_only=True):
    """One limit, and where one stands with it."""

    of: Literal["account", "console"]
    """Whose it is: the account's, or of the key that its console acts by alone."""
    model: str | None
    """The model that it counts alone; null: all that have none of their own."""
    name: str
    """As plans have it: `requests_per_minute`."""
    limit: float
    """In requests, tokens, or the server's currency."""
    used: float
    held: float
    """What requests under way may come to use."""
    window_seconds: float | None
    """Over how long it counts; null: at this moment, or for the month."""
    reset_seconds: float
    """Until all of it is there again, if nothing more comes."""


class LimitsShown(Struct, kw_only=True):
    """Where the account stands now."""

    object: Literal["limits"] = "limits"
    plan: str
    currency: str
    data: list[FigureShown]


PLANS = route(
    "GET", "/api/plans", "listVisiblePlans", "List the plans that there are here", answer=PlanList, access=SIGNED_IN
)
STANDING = route(
    "GET", "/api/limits", "showLimits", "Show how much of one's limits is used now", answer=LimitsShown, access=ACTING
)


class OwnLimits:
    """The routes. `models` are the ids of those that are served."""

    operations = (PLANS, STANDING)

    def __init__(self, plans: PlanStore, limiter: Limiter, models: Iterable[str], *, currency: str) -> None:
        self._plans = plans
        self._limiter = limiter
        self._models = tuple(models)
        self._currency = currency

    def add_to(self, routing: Routing) -> None:
        routing.add(PLANS, self.plans)
        routing.add(STANDING, self.standing)

    async def plans(self, asked: Asked) -> Struct:
        """Plans that an administrator made are seen by administrators and those who have them."""
        signed_in = asked.visitor.signed_in
        assert signed_in is not None, "the route is for sessions"
        account = signed_in.account
        found = await (self._plans.list() if account.role == "admin" else self._plans.seen_by(account.plan))
        return list_of(PlanList, [PlanShown.of(plan) for plan in found])

    async def standing(self, asked: Asked) -> Struct:
        caller = asked.caller
        found: dict[tuple[str, str, str], Figure] = {}
        for model in ("", *(each for each in self._models if caller.may_use(each))):
            for figure in self._limiter.figures(caller, model):
                found.setdefault((figure.subject_id, figure.model, figure.name), figure)
        shown = [
            _shown(figure, of="account" if figure.subject_id == caller.account_id else "console")
            for figure in found.values()
        ]
        return LimitsShown(plan=caller.plan_name, currency=self._currency, data=shown)


def _shown(figure: Figure, *, of: Literal["account", "console"]) -> FigureShown:
    unit = PICOS if figure.name == BUDGET else 1
    _, seconds = FIGURES.get(figure.name, (None, 0.0))
    return FigureShown(
        of=of,
        model=figure.model or None,
        name=figure.name,
        limit=figure.limit / unit,
        used=figure.used / unit,
        held=figure.held / unit,
        window_seconds=seconds or None,
        reset_seconds=round(figure.reset_seconds, 3),
    )
