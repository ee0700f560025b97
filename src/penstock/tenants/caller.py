"""Who sends a request, and what this caller may do: an account by way of one of its keys."""

from dataclasses import dataclass, field
from typing import Literal

from penstock.errors import PermissionDenied
from penstock.tenants.plans import Limits, ModelLimits, Plan

KeyScope = Literal["inference", "batch", "admin"]
SCOPES: tuple[KeyScope, ...] = ("inference", "batch", "admin")
DEFAULT_SCOPES: tuple[KeyScope, ...] = ("inference", "batch")


@dataclass(frozen=True)
class Subject:
    """Somebody whose use is counted: an account, a key, or the key that made it."""

    id: str
    limits: Limits
    spent: int = 0
    """What the ledger says was spent in this month, in picos; at least that much was."""


@dataclass(frozen=True)
class Caller:
    """Who sends a request. Kept for some seconds, so that most requests make none."""

    account_id: str
    key_id: str
    key_name: str
    role: Literal["user", "admin"] = "user"
    scopes: frozenset[KeyScope] = frozenset(DEFAULT_SCOPES)
    models: frozenset[str] | None = None
    """Ids of the models that it may use; None: all."""
    plan_name: str = ""
    plan: Plan = field(default_factory=Plan)
    subjects: tuple[Subject, ...] = ()
    """Everybody whose limits hold for it: the account, the key, and the keys that this one was made by."""
    project_id: str | None = None
    bounds: dict[str, ModelLimits] = field(default_factory=dict, compare=False, repr=False)
    """Model -> its `context` and `max_output` for this caller, as far as they were asked for."""

    def require(self, *scopes: KeyScope) -> None:
        """Raises PermissionDenied where the key has none of these scopes."""
        if self.scopes.isdisjoint(scopes):
            needed = " or ".join(f"`{scope}`" for scope in scopes)
            raise PermissionDenied(f"This API key lacks the scope {needed}. Use one that has it, or make one.")

    def may_use(self, model: str) -> bool:
        """Whether requests to the model with this id are allowed."""
        return self.models is None or model in self.models

    def bounds_of(self, model: str) -> ModelLimits:
        """The narrowest `context` and `max_output` for this model; None in them is no bound."""
        found = self.bounds.get(model)
        if found is None:
            found = self.bounds[model] = ModelLimits(
                context=_least(self.subjects, model, "context"), max_output=_least(self.subjects, model, "max_output")
            )
        return found


def figure(limits: Limits, model: str, name: str) -> int | None:
    """One figure for requests to a model: the model's own where it has one, else the general one."""
    own: ModelLimits | None = limits.models.get(model)
    found: int | None = getattr(own, name) if own is not None else None
    return found if found is not None else getattr(limits, name)


def _least(subjects: tuple[Subject, ...], model: str, name: str) -> int | None:
    return min((found for each in subjects if (found := figure(each.limits, model, name)) is not None), default=None)
