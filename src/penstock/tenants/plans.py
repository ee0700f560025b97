"""Plans: what an account may use, and what one of its keys may use of that."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.errors import OperatorError
from penstock.protocol.validation import NO_NUL

OPERATOR_PLAN = "unlimited"

Tokens = Annotated[int, Meta(ge=1, le=1 << 40)]
Rate = Annotated[int, Meta(ge=0, le=1 << 40)]
Money = Annotated[float, Meta(ge=0, le=1e9)]
Text = Annotated[str, Meta(pattern=NO_NUL)]


class ModelLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Bounds of requests to one model, or to all of them. What is None has no limit."""

    context: Tokens | None = None
    """Tokens of prompt and answer together."""
    max_output: Tokens | None = None
    """Tokens of one answer."""
    requests_per_minute: Rate | None = None
    requests_per_day: Rate | None = None
    input_tokens_per_minute: Rate | None = None
    input_tokens_per_day: Rate | None = None
    output_tokens_per_minute: Rate | None = None
    output_tokens_per_day: Rate | None = None
    concurrency: Rate | None = None
    """Requests under way at once."""


class Limits(ModelLimits, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Bounds of everything that one account or one key does."""

    batch_lines: Rate | None = None
    """Lines of one batch."""
    stored_bytes: Rate | None = None
    """Of all files that an account keeps at once."""
    monthly_budget: Money | None = None
    """In the server's currency, for one month of the calendar in UTC."""
    models: dict[Text, ModelLimits] = {}
    """Model's id -> its own figures. A figure named here counts for that model alone, and stands in for the general
    one; where it is not named, the model's requests count in with all others."""


class Plan(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What an account may use."""

    description: Text = ""
    priority: Literal["standard", "high"] = "standard"
    """Who goes first where requests wait for a model."""


class NamedPlan(msgspec.Struct, frozen=True):
    """A plan, its name, and where its figures come from."""

    name: str
    plan: Plan
    origin: Literal["shipped", "penstock.toml", "changed"]


def shipped_plans() -> dict[str, dict[str, Any]]:
    """The definitions that come with the package."""
    text = resources.files("penstock.tenants").joinpath("plans.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def configured_plans(own: Mapping[str, dict[str, Any]]) -> dict[str, NamedPlan]:
    """The shipped plans with the operator's: a table under a shipped name changes the keys that it names.

    Raises OperatorError naming the plan at fault.
    """
    shipped = shipped_plans()
    plans = {name: NamedPlan(name, read_plan(name, definition), "shipped") for name, definition in shipped.items()}
    for name, definition in own.items():
        plan = read_plan(name, {**shipped.get(name, {}), **definition})
        plans[name] = NamedPlan(name, plan, "penstock.toml")
    return plans


def read_plan(name: str, definition: Mapping[str, Any]) -> Plan:
    """Raises OperatorError where the definition is none."""
    try:
        return msgspec.convert(dict(definition), Plan)
    except msgspec.ValidationError as error:
        raise OperatorError(f"The plan {name} is wrong: {error}.") from error
