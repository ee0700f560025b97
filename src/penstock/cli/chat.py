"""`penstock chat`: a conversation in the terminal, streamed, with the figures of every answer."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from penstock.cli.access import Access, open_access, server_options
from penstock.cli.client import Answer, Client, Message, when_loaded
from penstock.cli.figures import Figures, Session
from penstock.cli.screen import printable
from penstock.errors import OperatorError


@click.command("chat")
@click.argument("model", required=False)
@click.option("--system", default="", metavar="TEXT", help="Instructions that stand before the conversation.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most tokens that an answer may have.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 is always the likeliest word, 2 the wildest.")
@server_options
def command(
    model: str | None,
    system: str,
    max_tokens: int | None,
    temperature: float | None,
    **server: Any,
) -> None:
    """Talk to MODEL, or to the first one that the server serves. /help lists what else can be typed.

    Without an API key, a server on this machine gets a key of its own for the session, revoked at the end.
    """
    screen = Console(highlight=False, markup=False, soft_wrap=True)
    given = {"max_tokens": max_tokens, "temperature": temperature}
    with open_access("penstock chat", **server) as access:
        chat = Chat(access.client, screen, _reader(), sampling={k: v for k, v in given.items() if v is not None})
        chat.start(model, system=system, access=access)
        chat.run()


class Chat:
    """A conversation: what was said, with which model, under which instructions.

    `read` gives the next line, and raises EOFError at the end of the input.
    """

    def __init__(
        self, client: Client, screen: Console, read: Callable[[], str], *, sampling: dict[str, Any] | None = None
    ) -> None:
        self._client = client
        self._screen = screen
        self._read = read
        self._sampling = sampling or {}
        self._model = ""
        self._system = ""
        self._history: list[Message] = []
        self._session = Session()
        self._commands = {
            "/model": (self._switch, "/model [ID]", "list the models, or go on with another one"),
            "/system": (
                self._instruct,
                "/system [TEXT]",
                "show the instructions, or set them; `/system off` drops them",
            ),
            "/stats": (self._stats, "/stats", "tokens and speed of the last answer and of the session"),
            "/clear": (self._clear, "/clear", "forget the conversation; the instructions stay"),
            "/help": (self._help, "/help", "this list"),
            "/exit": (self._exit, "/exit", "leave, as Ctrl-D does"),
        }

    def start(self, model: str | None, *, system: str = "", access: Access | None = None) -> None:
        """Choose the model and greet. Raises OperatorError where the server has no such model or does not answer."""
        self._model = self._find(model or "", self._client.models())
        self._system = system
        self._say(f"{self._model} at {self._client.url}")
        if access is not None and access.note:
            self._say(access.note)
        self._say("/help lists the commands. Ctrl-C stops an answer, Ctrl-D leaves.\n")

    def run(self) -> None:
        """Read and answer until the user leaves."""
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            while True:
                line = self._read().strip()
                word, _, rest = line.partition(" ")
                if word in self._commands:
                    self._obey(word, rest.strip())
                elif line.startswith("/") and "/" not in line[1:]:
                    self._say(f"There is no {printable(word)}. /help lists the commands.")
                elif line:
                    self._ask(line)
        self._screen.out("")

    def _say(self, text: str) -> None:
        self._screen.print(text, style="dim")

    def _complain(self, error: OperatorError) -> None:
        self._screen.print(printable(error.message), style="red")

    def _obey(self, word: str, argument: str) -> None:
        try:
            self._commands[word][0](argument)
        except OperatorError as error:
            self._complain(error)

    # An answer

    def _ask(self, prompt: str) -> None:
        question = {"role": "user", "content": prompt}
        instructions = [{"role": "system", "content": self._system}] if self._system else []
        request = {"model": self._model, "messages": [*instructions, *self._history, question], **self._sampling}
        try:
            with when_loaded(lambda: self._client.stream(request), told=self._say) as answer:
                said = self._show(answer)
        except KeyboardInterrupt:  # before its first word
            self._say("\nstopped")
        except OperatorError as error:
            # The question is dropped with the answer that failed: the same one can be asked again.
            self._complain(error)
        else:
            self._history += [question, {"role": "assistant", "content": said}]

    def _show(self, answer: Answer) -> str:
        """Print the answer as it comes; what had come when Ctrl-C stopped it counts as the answer."""
        said: list[str] = []
        stopped = False
        try:
            for piece in answer:
                if not piece.thought:
                    said.append(piece.text)  # first: what is seen counts, whenever Ctrl-C comes
                self._screen.out(printable(piece.text), end="", highlight=False, style="dim" if piece.thought else None)
        except KeyboardInterrupt:
            if not said:
                raise
            stopped = True
        finally:
            self._screen.out("")
        figures = Figures.of(answer, stopped=stopped)
        self._session.answers.append(figures)
        self._say(figures.line() + "\n")
        return "".join(said)

    # The commands

    def _switch(self, name: str) -> None:
        models = self._client.models()
        if name:
            self._model = self._find(name, models)
            self._say(f"Now talking to {self._model}; the conversation goes on.")
            return
        for model in _that_chat(models):
            self._say(f"{'*' if model == self._model else ' '} {model}")

    def _find(self, wanted: str, models: dict[str, str]) -> str:
        """The model of that name, or the only one whose name holds it; the first one where nothing is wanted."""
        if models.get(wanted, "chat") != "chat":
            raise OperatorError(f"{wanted} makes embeddings, it does not talk. Programs ask it by /v1/embeddings.")
        names = _that_chat(models)
        found = [name for name in names if name == wanted] or [n for n in names if wanted.lower() in n.lower()]
        if not names:
            raise OperatorError("The server serves no model that talks. Start it with one: penstock serve --model ID")
        if wanted and len(found) != 1:
            kind = "Several models match" if found else "No model here is called"
            raise OperatorError(f"{kind} {wanted!r}. There are: {', '.join(names)}")
        return found[0]

    def _instruct(self, text: str) -> None:
        if text:
            self._system = "" if text == "off" else text
        self._say(f"Instructions: {self._system}" if self._system else "No instructions.")

    def _stats(self, _: str) -> None:
        for line in self._session.lines():
            self._say(line)

    def _clear(self, _: str) -> None:
        self._history.clear()
        self._say("The conversation is forgotten.")

    def _help(self, _: str) -> None:
        for each in self._commands.values():
            usage, meaning = each[1:]
            self._say(f"{usage:16}{meaning}")
        self._say("Ctrl-C stops an answer and keeps what it said. Arrow up brings back what you typed.")

    def _exit(self, _: str) -> None:
        raise EOFError


def _that_chat(models: dict[str, str]) -> list[str]:
    return [name for name, kind in models.items() if kind == "chat"]


def _reader() -> Callable[[], str]:
    """Lines from a terminal with a prompt and its history, or plainly from a pipe."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _read_plainly
    # Its import alone gives `input` line editing and the history of this session.
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") in (None, "dumb")
    # Between \001 and \002 stands what readline must not count as columns.
    prompt = "> " if plain else "\001\033[1m\002> \001\033[0m\002"
    return lambda: input(prompt)


def _read_plainly() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
