"""What does the operator type? One command per file, imported only when it runs.

`--help` must cost next to nothing, so this file imports click and nothing else of weight.
"""

import importlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

import click

from penstock import __version__
from penstock.errors import OperatorError

# command -> (module below penstock.cli, one-line help)
COMMANDS = {
    "serve": ("serve", "Start the server: API, engines and all."),
    "chat": ("chat", "Talk to a model in the terminal."),
    "run": ("run", "Answer one prompt and exit."),
    "keys": ("keys", "Make, list, change and revoke API keys."),
    "users": ("users", "Make, list and change accounts, and invite people."),
    "plans": ("plans", "List and change what accounts may use."),
    "audit": ("audit", "Show who did what."),
    "usage": ("usage", "Show what was used and what it cost."),
    "files": ("files", "Upload, list, download and remove files for batches."),
    "models": ("models", "List, pull, show and remove models."),
    "batch": ("batch", "Run the requests of a file when there is time."),
    "bench": ("bench.command", "Measure how fast a server answers."),
    "migrate": ("migrate", "Bring the database to this version, or copy one into another."),
    "snippet": ("snippet", "Print code that asks a model, in several languages."),
    "openapi": ("openapi", "Print the API as an OpenAPI document."),
    "doctor": ("doctor", "Check this machine and say how to mend what is wrong."),
}


class LazyCommands(click.Group):
    """A group that knows its commands by name and imports one only when it is called.

    `table`: command -> (module below penstock.cli, one-line help), as in COMMANDS.
    """

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._table:
            return None
        module = importlib.import_module(f"penstock.cli.{self._table[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._table.items()])


@click.command(cls=LazyCommands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="penstock")
def penstock() -> None:
    """Penstock serves open models on your own hardware behind the OpenAI API.

    Start with `penstock serve`; make a key with `penstock keys create NAME`.
    """


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 ok, 1 failure, 2 usage, 130 interrupted."""
    status = _run()
    if "obstore" in sys.modules:
        # A thread of its own may yet hand back what nobody waits for any more. An interpreter that is being taken down
        # aborts under it, so this one is not taken down: all that has to be closed is closed.
        with suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _run() -> int:
    try:
        status = penstock.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return 1
    except OperatorError as error:
        click.echo(f"Error: {error.message}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        return 130
    return status if isinstance(status, int) else 0
