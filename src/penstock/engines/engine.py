"""The seam: what the gateway knows of an engine.

An engine is a process that speaks OpenAI over HTTP. All the gateway needs of one kind of engine is how to start it and
how to phrase a request for it; everything else is the same for all of them, and stands in relay.py.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from penstock.protocol.answer import CompletionDetails, PromptDetails, TokenLogprob, Usage
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.price import Price

PREFILL_ALLOWANCE = 10
"""How many times longer than for a token to wait for a prompt to be read."""


@dataclass(frozen=True)
class Launch:
    """How to start an engine process: a Python module, and the configuration that it reads from its standard input."""

    module: str
    config: dict[str, Any]
    slots: int
    """Requests the engine works on at once."""
    environ: dict[str, str] = field(default_factory=dict)
    """Variables beside the few that every engine inherits."""


class Engine(Protocol):
    """One kind of engine."""

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        """How to start a process that serves one model. Raises OperatorError where this machine cannot."""

    def chat_body(self, request: ChatRequest, *, served_name: str, grammar: str | None = None) -> bytes:
        """The engine's own request, built afresh from typed fields; always a stream that counts its tokens.

        `grammar`, in the language of engines/grammar.py, is given only to an engine that has the ability.
        """

    def completion_body(self, request: CompletionRequest, *, served_name: str) -> bytes:
        """The same for raw prompts: no template is laid around them."""


class Abilities(msgspec.Struct, frozen=True):
    """What an engine can do with its model; the engine process says so when it starts."""

    chat: bool = True
    """It writes text, in answer to chats and to raw prompts."""
    embeddings: bool = False
    dimensions: int = 0
    """The numbers of an embedding."""
    grammar: bool = False
    """It holds its answer to a grammar: JSON, schemas and calls of functions can be enforced."""
    tools: bool = False
    """The model's own template has a form for tools, which the engine writes and reads."""
    logprobs: bool = False
    reasoning_effort: bool = False
    images: bool = False
    goes_on: bool = False
    """It takes the beginning of an answer as the last message of a chat, and gives what comes after it."""
    stops: bool = True
    """It ends its work on a request whose connection is closed."""
    vocabulary: int = 0
    """Prompts may be given as token ids below this; 0: not at all."""


class Pulse:
    """Whether an engine gives signs of life: who waits for it, and since when it has been quiet.

    A wait counts only while the gateway wants to read: a client that reads slowly does not make its engine look dead.
    """

    def __init__(self) -> None:
        self.hung = False
        """Set once somebody gave the engine up."""
        self._waiting = 0
        self._quiet_since = time.monotonic()

    def wait(self) -> None:
        """Somebody waits for the engine from now on."""
        if self._waiting == 0:
            self._quiet_since = time.monotonic()
        self._waiting += 1

    def beat(self) -> None:
        """The engine gave something."""
        self._quiet_since = time.monotonic()

    def done(self) -> None:
        """Somebody who waited does so no more."""
        self._waiting -= 1

    @property
    def waiting(self) -> int:
        return self._waiting

    def quiet_seconds(self) -> float:
        """How long the engine has let everybody wait; 0 when nobody does."""
        return time.monotonic() - self._quiet_since if self._waiting else 0.0

    def idle_seconds(self) -> float:
        """How long ago the engine last gave something or was asked for something."""
        return time.monotonic() - self._quiet_since


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One engine process that serves one model: where it is, and what it can take."""

    model: str
    url: str
    """Base address without a path, such as `http://127.0.0.1:40123`."""
    served_name: str
    api_key: str = field(repr=False)
    engine: Engine
    slots: int
    context_length: int
    """Tokens of prompt and answer together that one request may have."""
    max_output: int
    abilities: Abilities = field(default_factory=Abilities)
    price: Price = field(default_factory=Price)
    pulse: Pulse = field(default_factory=Pulse)
    """Of the engine as a whole, whoever it works for."""
    counting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Held while the engine counts a prompt: that is work that no slot bounds."""

    @property
    def patience(self) -> int:
        """How many times longer than for a token to wait for a sign of life: a maker of embeddings gives none before
        it has read all."""
        return 1 if self.abilities.chat else PREFILL_ALLOWANCE


class CallPiece(msgspec.Struct, gc=False):
    """What was added to one call of a function: `id` and `name` with the first piece, then parts of the arguments."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class Piece(msgspec.Struct, gc=False):
    """What an engine added to one choice."""

    index: int = 0
    content: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    stop_reason: str | None = None
    calls: list[CallPiece] | None = None
    logprobs: list[TokenLogprob] | None = None

    @property
    def text_alone(self) -> bool:
        """Whether it is a piece of text, with nothing beside."""
        return bool(self.content) and not (
            self.finish_reason is not None or self.reasoning or self.calls or self.logprobs is not None
        )


class Counts(msgspec.Struct):
    """Tokens so far, as the engine counts them. They only grow: what is told twice counts once."""

    choices_per_prompt: int | None = None
    """None: all choices answer one prompt."""
    prompt: dict[int, int] = {}
    """Prompt -> tokens; of these, `cached` were read before."""
    cached: dict[int, int] = {}
    reasoning: int = 0
    completion: dict[int, int] = {}
    """Choice -> tokens."""
    earlier: Usage | None = None
    """Of the beginning of the answer, where it was written before and read with the prompt this time."""

    def read(self, choice: int, tokens: int, *, cached: int) -> None:
        """The prompt of `choice` has so many tokens."""
        prompt = choice // self.choices_per_prompt if self.choices_per_prompt else 0
        if tokens >= self.prompt.get(prompt, 0):
            self.prompt[prompt] = tokens
        if cached >= self.cached.get(prompt, 0):
            self.cached[prompt] = cached

    def wrote(self, choice: int, tokens: int) -> None:
        """So many tokens have been added to `choice`."""
        if tokens >= self.completion.get(choice, 0):
            self.completion[choice] = tokens

    @property
    def worked(self) -> int:
        """What the engine has read anew and written."""
        return sum(self.prompt.values()) - sum(self.cached.values()) + sum(self.completion.values())

    def usage(self) -> Usage:
        """The counts in the form that goes to the client."""
        prompt, completion = sum(self.prompt.values()), sum(self.completion.values())
        cached = sum(self.cached.values())
        if self.earlier is not None:
            prompt, cached = self.earlier.prompt_tokens, self.earlier.prompt_tokens_details.cached_tokens
            completion += self.earlier.completion_tokens
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=PromptDetails(cached),
            completion_tokens_details=CompletionDetails(self.reasoning),
        )
