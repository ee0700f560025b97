"""`penstock bench`: how fast a server answers, as its users see it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.access import open_access, server_options, server_url
from penstock.cli.bench.plan import Plan
from penstock.cli.bench.typed import CONCURRENCY, SECONDS, Duration, Numbers, fields_of, loads_of, plan_of
from penstock.cli.client import Client, ServerSaid
from penstock.errors import OperatorError
from penstock.settings import load_settings

if TYPE_CHECKING:
    from penstock.cli.bench.run import Run


@click.command("bench")
@click.option("--model", help="Model to ask.  [default: the first one that the server lists]")
@click.option(
    "--concurrency", type=Numbers(whole=True), help=f"Clients at once, a step each.  [default: {CONCURRENCY}]"
)
@click.option("--rate", type=Numbers(whole=False), help="Requests a second instead, at random moments, a step each.")
@click.option(
    "--seconds",
    metavar="N",
    type=click.FloatRange(min=0, min_open=True),
    help=f"For each step.  [default: {SECONDS:g}]",
)
@click.option(
    "--requests", metavar="N", type=click.IntRange(min=1), help="For each step; with --seconds, what comes first."
)
@click.option(
    "--prompt-tokens",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    default=128,
    show_default=True,
    help="Of a prompt.",
)
@click.option(
    "--max-tokens", metavar="N", type=click.IntRange(min=1), default=64, show_default=True, help="Of an answer."
)
@click.option(
    "--shared-prefix-tokens",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="More tokens, the same at every prompt's head.",
)
@click.option(
    "--slo-ttft", type=Duration(), default="500ms", show_default=True, help="For goodput; `none` asks nothing."
)
@click.option("--slo-itl", type=Duration(), default="50ms", show_default=True, help="For goodput; `none` asks nothing.")
@click.option(
    "--warmup",
    metavar="N",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Requests that do not count.",
)
@click.option("--timeout", type=Duration(), default="120s", show_default=True, help="For one answer.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), help="Of the prompts.  [default: another one each time]"
)
@click.option("--body", metavar="JSON", default="{}", help="More fields of the request; null takes one away.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Also write an HTML page with plots.")
@server_options
def command(model: str | None, as_json: bool, report: Path | None, **given: Any) -> None:
    """Measure how fast a server answers chats, under more and more load.

    Works with every server that speaks the OpenAI API; --url is its address, with or without /v1. Prompts are made up,
    and no two of them begin alike. Measured are the time to first token (TTFT), the time from token to token (ITL),
    tokens a second, and goodput: the answers a second that kept the SLO.

    \b
    penstock bench
    penstock bench --concurrency 1,8,64 --seconds 30 --report bench.html
    penstock bench --url http://10.0.0.5:8000/v1 --rate 2,4,8 --json
    """
    server = {name: given.pop(name) for name in ("url", "api_key", "data_dir", "config")}
    extra, loads = fields_of(given.pop("body")), loads_of(given.pop("concurrency"), given.pop("rate"))
    if report is not None and not report.parent.is_dir():
        raise click.UsageError(f"There is no folder {report.parent} to write the report in.")
    with _client(**server) as client:
        plan = plan_of(model or _first_model(client), loads, extra, **given)
        run = _measured(plan, client)
    _tell(run, plan, as_json=as_json, report=report)
    if run.interrupted:
        raise click.exceptions.Exit(130)
    if not any(step.answers for step in run.steps):
        raise OperatorError("No request was answered.")


@contextmanager
def _client(**server: Any) -> Iterator[Client]:
    """The server with the given key, else with none where it asks for none, else with one made for the run."""
    if not server["api_key"] and (open_to_all := _without_key(server)) is not None:
        yield open_to_all
        return
    with open_access("penstock bench", **server) as access:
        yield access.client


def _without_key(server: dict[str, Any]) -> Client | None:
    settings = load_settings({"data_dir": server["data_dir"]}, os.environ, config=server["config"])
    client = Client(server["url"] or server_url(settings), "")
    try:
        client.models()
    except ServerSaid as said:
        if said.status in (401, 403):
            return None
        raise
    return client


def _first_model(client: Client) -> str:
    for name, kind in client.models().items():
        if kind == "chat":
            return name
    raise OperatorError("The server lists no model that talks. Name one with --model.")


def _measured(plan: Plan, client: Client) -> "Run":
    # Imported here, like below: `--help` and a wrong option do not wait for an HTTP client.
    from penstock.cli.bench.progress import shown
    from penstock.cli.bench.run import measured

    with shown() as progress:
        return measured(plan, url=client.url, api_key=client.api_key, progress=progress)


def _tell(run: "Run", plan: Plan, *, as_json: bool, report: Path | None) -> None:
    from penstock.cli.bench.caveats import caveats
    from penstock.cli.bench.document import document
    from penstock.cli.bench.table import print_run

    if run.conditions is None:
        return
    warnings = caveats(run.steps, plan, run.conditions)
    if as_json:
        click.echo(json.dumps(document(run, warnings), indent=2))
    else:
        print_run(run.conditions, run.steps, warnings, slo=str(plan.slo))
    if report is not None:
        from penstock.cli.bench.report import page

        report.write_text(page(run, plan, warnings), encoding="utf-8")
        click.echo(f"The report is in {report}", err=True)
