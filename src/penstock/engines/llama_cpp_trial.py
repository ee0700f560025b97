"""A trial of the embedded engine: started with some settings, asked for a moment, and ended."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from penstock.engines import process
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp import LlamaCpp
from penstock.errors import OperatorError

TRIAL_CONTEXT = 2048
"""Tokens of context of each slot."""
_ANSWER_SECONDS = 300
_SHORT_PROMPT = 16
_SPOKEN_FOR = "trial"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How fast an engine was, each at its best. Tokens are those of all clients together."""

    prompt: float
    """Prompt tokens read a second."""
    one: float
    """Tokens written a second for one client."""
    several: float
    """Tokens written a second for several clients at once."""
    step_seconds: float
    """How long one step of reading takes: what a stream waits, and somebody whose turn it is."""

    def best_with(self, other: "Figures") -> "Figures":
        """The better of each: what else the machine does only ever slows an engine down."""
        return Figures(
            prompt=max(self.prompt, other.prompt),
            one=max(self.one, other.one),
            several=max(self.several, other.several),
            step_seconds=min(self.step_seconds, other.step_seconds),
        )


@dataclass(frozen=True)
class Load:
    """What a trial asks of an engine."""

    prompt_tokens: int
    answer_tokens: int
    clients: int


@dataclass(frozen=True)
class Trial:
    """An engine under trial."""

    address: str
    api_key: str
    vocabulary: int
    knobs: Knobs
    _random: random.Random = field(default_factory=random.Random)

    async def figures(self, load: Load) -> Figures:
        """How fast it is under that load. Raises OperatorError where it gives no answer."""
        await self._complete(_SHORT_PROMPT, 1)  # the first one ever pays for what is made at first use
        read = (await self._complete(load.prompt_tokens, 1))["prompt_ms"] / 1000
        steps = -(-load.prompt_tokens // self.knobs.prompt_batch)
        return Figures(
            prompt=load.prompt_tokens / read,
            one=(await self._complete(_SHORT_PROMPT, load.answer_tokens))["predicted_per_second"],
            several=await self.several(load.clients, load.answer_tokens),
            step_seconds=read / steps,
        )

    async def several(self, clients: int, answer_tokens: int) -> float:
        """Tokens written a second for so many clients that ask at the same moment."""
        began = time.perf_counter()
        told = await asyncio.gather(*(self._complete(_SHORT_PROMPT, answer_tokens) for _ in range(clients)))
        return float(sum(each["predicted_n"] for each in told) / (time.perf_counter() - began))

    async def _complete(self, prompt_tokens: int, answer_tokens: int) -> dict[str, Any]:
        """The engine's own times of one answer; no two prompts begin alike."""
        prompt = [self._random.randrange(self.vocabulary) for _ in range(prompt_tokens)]
        body = {"prompt": prompt, "n_predict": answer_tokens, "ignore_eos": True, "cache_prompt": False}
        return await asyncio.to_thread(self._ask, msgspec.json.encode(body))

    def _ask(self, body: bytes) -> dict[str, Any]:
        engine = HTTPConnection(self.address, timeout=_ANSWER_SECONDS)
        try:
            head = {"authorization": f"Bearer {self.api_key}", "content-type": "application/json"}
            engine.request("POST", "/completion", body, head)
            timings: dict[str, Any] = msgspec.json.decode(engine.getresponse().read())["timings"]
        except (OSError, HTTPException, msgspec.DecodeError, KeyError) as error:
            raise OperatorError(f"The engine under trial gave no answer: {error!r}.") from error
        finally:
            engine.close()
        return timings


@asynccontextmanager
async def trial(
    engine: LlamaCpp, model_file: Path, knobs: Knobs, *, clients: int, log_path: Path
) -> AsyncIterator[Trial]:
    """An engine of its own, with these settings and a slot for each client; it ends with the block.

    Raises OperatorError where it does not start, naming the reason.
    """
    context = min(engine.context_length, TRIAL_CONTEXT)
    tried = replace(engine, context_length=context, slots=clients, knobs_for=lambda _: knobs)
    key = secrets.token_urlsafe(32)
    launch = tried.launch(served_name=_SPOKEN_FOR, api_key=key, model_file=model_file)
    try:
        running = await process.start(launch, log_path=log_path)
    except process.EngineDied as death:
        raise OperatorError(f"The engine does not start with {knobs}: {death}.") from death
    try:
        yield Trial(running.url.removeprefix("http://"), key, running.abilities.vocabulary, knobs)
    finally:
        await running.kill()
