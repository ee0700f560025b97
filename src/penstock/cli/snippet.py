"""`penstock snippet`: code that asks a model, to be copied or run as it stands."""

import os
from pathlib import Path

import click

from penstock.cli.access import server_url
from penstock.console.snippets import QUESTION, SNIPPETS, Call, Language
from penstock.settings import DEFAULT_MODEL, load_settings


@click.command("snippet")
@click.argument("language", type=click.Choice(list(SNIPPETS)), default="curl")
@click.option("--model", metavar="ID", help="The model to ask.  [default: the first that the settings serve]")
@click.option("--url", help="Address of the server.  [default: the one in the settings]")
@click.option("--message", default=QUESTION, metavar="TEXT", help="What to ask.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file.")
def command(language: Language, model: str | None, url: str | None, message: str, config: Path | None) -> None:
    """Print code that asks a model, in LANGUAGE: curl unless another is named.

    The code takes the key from the variable PENSTOCK_API_KEY. Nothing is asked of a server to print it.
    """
    settings = load_settings({}, os.environ, config=config)
    address = (url or server_url(settings)).rstrip("/").removesuffix("/v1")
    call = Call(
        url=address if "://" in address else f"http://{address}",
        model=model or next(iter(settings.serve), DEFAULT_MODEL),
        messages=[{"role": "user", "content": message}],
        from_environment=True,
    )
    snippet = SNIPPETS[language]
    if snippet.install:
        comment = "//" if snippet.syntax == "js" else "#"
        click.echo(f"{comment} {snippet.install}")
    click.echo(snippet.code(call), nl=False)
