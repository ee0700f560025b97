"""`penstock run`: one prompt, one answer, for pipes and scripts."""

import io
import json
import os
import sys
from typing import Any

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.client import Client, when_loaded
from penstock.cli.figures import Figures
from penstock.cli.screen import printable
from penstock.errors import OperatorError


@click.command("run")
@click.argument("model")
@click.argument("prompt", default="-")
@click.option("--system", metavar="TEXT", help="Instructions that stand before the prompt.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most tokens that the answer may have.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 is always the likeliest word, 2 the wildest.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer object instead of its text.")
@server_options
def command(
    model: str,
    prompt: str,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    as_json: bool,
    **server: Any,
) -> None:
    """Print the answer of MODEL to PROMPT. Without a PROMPT, or with `-`, it is read from standard input."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an answer may hold what the terminal's encoding lacks
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": _prompt(prompt)})
    fields = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature}
    request = {name: value for name, value in fields.items() if value is not None}
    with open_access("penstock run", **server) as access:
        try:
            _print_whole(access.client, request) if as_json else _print_stream(access.client, request)
        except BrokenPipeError:
            # Whoever read our output has enough, as `head` does; Python must not try to flush the rest at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prompt(given: str) -> str:
    prompt = sys.stdin.read() if given == "-" else given
    if not prompt.strip():
        raise OperatorError('The prompt is empty. Give one: penstock run MODEL "Hello", or by a pipe.')
    return prompt


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)


def _print_whole(client: Client, request: dict[str, Any]) -> None:
    answer = when_loaded(lambda: client.complete(request), told=_tell)
    _write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def _print_stream(client: Client, request: dict[str, Any]) -> None:
    last = "\n"
    with when_loaded(lambda: client.stream(request), told=_tell) as answer:
        try:
            for piece in answer:
                if not piece.thought:
                    _write(last := piece.text)
        finally:
            if not last.endswith("\n"):
                _write("\n")
    _tell(Figures.of(answer).line())


def _write(text: str) -> None:
    # Not click.echo, which takes escape sequences out of what goes into a file.
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
