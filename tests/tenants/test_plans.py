"""Plans: what ships, what an operator changes, and what the guide says of them."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from guides import DOCS, blocks_of

from penstock.errors import OperatorError
from penstock.settings import load_settings
from penstock.tenants.plans import OPERATOR_PLAN, Limits, Plan, configured_plans, shipped_plans

GUIDE = "operate/plans-and-limits.md"


def test_the_shipped_plans_are_good() -> None:
    plans = configured_plans({})
    assert list(plans) == list(shipped_plans())
    assert {each.origin for each in plans.values()} == {"shipped"}
    free = plans["free"].plan
    assert (free.concurrency, free.requests_per_minute, free.max_output, free.priority) == (2, 1, 4096, "standard")
    unlimited = msgspec.structs.replace(plans[OPERATOR_PLAN].plan, description="", priority="standard")
    assert unlimited == Plan()


def test_a_table_under_a_shipped_name_changes_only_what_it_names() -> None:
    plans = configured_plans({"free": {"requests_per_minute": 9}, "mine": {}})
    assert (plans["free"].plan.requests_per_minute, plans["free"].plan.concurrency) == (9, 2)
    assert plans["mine"].plan == Plan()
    assert (plans["free"].origin, plans["mine"].origin) == ("penstock.toml", "penstock.toml")


@pytest.mark.parametrize(
    "definition",
    [
        {"request_per_minute": 1},
        {"concurrency": -1},
        {"context": 0},
        {"monthly_budget": float("nan")},
        {"priority": "urgent"},
        {"models": {"m": {"monthly_budget": 1}}},
    ],
)
def test_what_is_no_plan_is_named(definition: dict[str, object]) -> None:
    with pytest.raises(OperatorError, match="The plan mine is wrong"):
        configured_plans({"mine": definition})


def test_the_guides_example_is_a_configuration(tmp_path: Path) -> None:
    (block,) = (block for block in blocks_of(GUIDE) if block.title == "penstock.toml")
    (tmp_path / "penstock.toml").write_text(block.code)
    settings = load_settings({}, {}, config=tmp_path / "penstock.toml")
    plans = configured_plans(settings.plans)
    assert settings.default_plan in plans
    assert plans["team"].plan.monthly_budget == 50
    assert plans["free"].plan.requests_per_minute == tomllib.loads(block.code)["plans"]["free"]["requests_per_minute"]


def test_the_guide_tells_of_every_figure_that_holds_for_a_request() -> None:
    text = (DOCS / GUIDE).read_text(encoding="utf-8")
    later = {"models"}
    names = {field.name for field in msgspec.structs.fields(Limits)} - later
    assert [name for name in names if f"`{name}`" not in text] == []
