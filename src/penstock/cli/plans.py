"""`penstock plans`: what accounts may use, whether or not a server runs."""

from pathlib import Path
from typing import Any

import click
import msgspec

from penstock.cli.data_folder import data_options, in_folder
from penstock.cli.figure_pairs import as_plan_changes
from penstock.cli.tables import limits_line, print_fields, print_json, print_table
from penstock.tenants.audit import Actor
from penstock.tenants.plans import NamedPlan
from penstock.tenants.tenants import Tenants

_FIGURES = ("requests_per_minute", "concurrency", "context", "max_output", "monthly_budget")
_HEADINGS = ("Name", "Per minute", "At once", "Context", "Output", "Budget", "Priority", "From")


@click.group("plans")
def command() -> None:
    """List and change plans.

    The plans of the package are changed by [plans.NAME] in penstock.toml, and both by `set`.

    \b
    penstock plans list
    penstock plans set free requests_per_minute=10
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def list_plans(as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show every plan with its most important figures; `-` is no limit."""
    found = in_folder(data_dir, config, lambda tenants: tenants.plans.list())
    if as_json:
        print_json([_described(plan) for plan in found])
        return
    print_table(_HEADINGS, map(_row, found))


def _row(named: NamedPlan) -> tuple[str, ...]:
    figures = (getattr(named.plan, name) for name in _FIGURES)
    shown = (
        "-" if figure is None else f"{figure:g}" if isinstance(figure, float) else str(figure) for figure in figures
    )
    return named.name, *shown, named.plan.priority, named.origin


def _figure(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:g}" if isinstance(figure, float) else str(figure)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_options
def show(name: str, as_json: bool, data_dir: str | None, config: Path | None) -> None:
    """Show all figures of a plan; what is not shown has no limit."""
    _show(in_folder(data_dir, config, lambda tenants: tenants.plans.get(name)), as_json=as_json)


def _show(named: NamedPlan, *, as_json: bool = False) -> None:
    if as_json:
        print_json(_described(named))
        return
    definition = msgspec.to_builtins(named.plan)
    models = definition.pop("models", {})
    fields = {"name": named.name, "from": named.origin, "priority": named.plan.priority}
    fields |= {name.replace("_", " "): str(value) for name, value in definition.items()}
    fields |= {f"for {model}": limits_line(own) for model, own in models.items()}
    print_fields(fields)


@command.command("set")
@click.argument("name")
@click.argument("figures", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.option("--new", is_flag=True, help="Make a plan that is not there yet.")
@data_options
def set_plan(name: str, figures: tuple[str, ...], new: bool, data_dir: str | None, config: Path | None) -> None:
    """Change figures of a plan, and show it as it is then. `none` takes a limit away. It holds within 5 seconds.

    \b
    penstock plans set free requests_per_minute=10 output_tokens_per_day=100000
    penstock plans set free concurrency=none priority=high
    penstock plans set free org/large-model:requests_per_minute=1
    penstock plans set gold monthly_budget=250 --new
    """

    async def change(tenants: Tenants) -> NamedPlan:
        before = {} if new else msgspec.to_builtins((await tenants.plans.get(name)).plan)
        return await tenants.plans.set(name, as_plan_changes(before, figures), new=new, by=Actor.operator())

    _show(in_folder(data_dir, config, change))


@command.command("reset")
@click.argument("name")
@data_options
def reset(name: str, data_dir: str | None, config: Path | None) -> None:
    """Take back whatever `set` changed. A plan that it made is gone then, if no account has it."""
    left = in_folder(data_dir, config, lambda tenants: tenants.plans.reset(name, by=Actor.operator()))
    if left is None:
        click.echo(f"The plan {name} is gone.", err=True)
    else:
        _show(left)


def _described(named: NamedPlan) -> dict[str, Any]:
    return {"name": named.name, "origin": named.origin, **msgspec.to_builtins(named.plan)}
