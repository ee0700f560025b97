"""Before the first step: does the server answer, what does it tell, and how long must a prompt be?"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock.cli.bench.ask import Asker
from penstock.cli.bench.outcome import Failure, Outcome
from penstock.cli.bench.plan import Plan
from penstock.cli.bench.prompts import TOKENS_PER_WORD, Prompts
from penstock.errors import OperatorError

_FEW, _MANY = 8, 72
"""Words of the two prompts whose counts tell how many tokens a word has and how many come with no word."""
_ANSWER_TOKENS = 8

_NEXT_STEP = {
    "401": "Give a key in PENSTOCK_API_KEY or with --api-key.",
    "403": "Give another key in PENSTOCK_API_KEY or with --api-key.",
    "404": "Is the model's name right, and the address? `--url` is what stands before /v1/chat/completions.",
    "429": "The limits of this key are too narrow for a benchmark: use another, or wait.",
    "context_length_exceeded": "Ask for less: --prompt-tokens, --max-tokens.",
    "not_streamed": "`penstock bench` needs a server that streams chat completions.",
    "timeout": "Give it longer: --timeout.",
    "empty_answer": "Ask for longer answers: --max-tokens.",
}


@dataclass(frozen=True)
class Ready:
    """What the server is called, and the prompts that have the wanted length there."""

    server: str
    prompts: Prompts


class Warmup:
    """Asks a few requests that are in no figure. Raises OperatorError where the server does not answer as it must."""

    def __init__(self, asker: Asker, plan: Plan, *, told: Callable[[str], None]) -> None:
        self._asker = asker
        self._plan = plan
        self._told = told

    async def run(self) -> Ready:
        few = await self._first()
        many = await self._whole(Prompts(self._plan.seed, _MANY), "warmup/many")
        per_word, beside = _line(few, many)
        shared = round(self._plan.shared_prefix_tokens / per_word)
        words = max(0, round((self._plan.prompt_tokens - beside) / per_word))
        prompts = Prompts(self._plan.seed, words, shared)
        await self._whole(prompts, "warmup/length")
        self._told(f"warming up with {self._plan.warmup} requests")
        names = [f"warmup/{number}" for number in range(self._plan.warmup)]
        await asyncio.gather(*(self._ask(prompts, name) for name in names))
        return Ready(few.server, prompts)

    async def _first(self) -> Outcome:
        """One answer. A model that is loading is waited for; a server that does not know `stream_options` gets none."""
        prompts = Prompts(self._plan.seed, _FEW)
        while True:
            outcome = await self._ask(prompts, "warmup/few")
            if outcome.failure and outcome.failure.code == "503 model_loading":
                self._told(outcome.failure.message)
                await asyncio.sleep(outcome.failure.retry_after or 1.0)
            elif (
                outcome.failure
                and outcome.failure.code[:3] in ("400", "422")
                and "stream_options" in self._asker.fields
            ):
                if "stream_options" not in outcome.failure.message:
                    raise _refused(self._asker.url, outcome.failure)
                del self._asker.fields["stream_options"]
            else:
                return _answered(self._asker.url, outcome)

    async def _whole(self, prompts: Prompts, name: str) -> Outcome:
        return _answered(self._asker.url, await self._ask(prompts, name))

    async def _ask(self, prompts: Prompts, name: str) -> Outcome:
        limit = min(self._plan.max_tokens, _ANSWER_TOKENS)
        return await self._asker.ask(
            prompts.text(name), due=time.perf_counter(), timeout_seconds=self._plan.timeout, max_tokens=limit
        )


def _line(few: Outcome, many: Outcome) -> tuple[float, float]:
    """Tokens of a word, and tokens that a prompt has without any."""
    if few.prompt_tokens is None or many.prompt_tokens is None or many.prompt_tokens <= few.prompt_tokens:
        return TOKENS_PER_WORD, 0.0
    per_word = (many.prompt_tokens - few.prompt_tokens) / (_MANY - _FEW)
    return per_word, few.prompt_tokens - per_word * _FEW


def _answered(url: str, outcome: Outcome) -> Outcome:
    # A model that thinks may say nothing in so few tokens; that it answers is enough here.
    if outcome.failure is not None and outcome.failure.code != "empty_answer":
        raise _refused(url, outcome.failure)
    return outcome


def _refused(url: str, failure: Failure) -> OperatorError:
    status, _, code = failure.code.partition(" ")
    step = _NEXT_STEP.get(code) or _NEXT_STEP.get(status)
    said = f"{url} does not answer as it must ({failure.code}): {failure.message}"
    return OperatorError(" ".join(filter(None, [said if said.endswith((".", "!", "?")) else f"{said}.", step])))
