"""What a request can use at most, reserved with the caller's limits before it may wait for an engine."""

from msgspec import Struct

from penstock.engines.engine import Endpoint
from penstock.errors import RateLimited
from penstock.inference.prompt import Measured
from penstock.inference.room import Room
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Grant, Limiter, Worst

_WHATEVER_THE_PROMPT = ("requests_per_minute", "requests_per_day", "concurrency")


class Answers(Struct, frozen=True):
    """The answers that a request asks for."""

    choices: int = 0
    output_limit: int | None = None
    """Tokens of each; None: as many as there is room for."""

    def tokens(self, room: Room, *, prompt: int) -> int:
        """Tokens of all together at most, after a prompt of so many."""
        each = self.output_limit
        if each is None:
            each = max(1, min(room.max_output, room.context_length - prompt))
        return self.choices * each

    def worst(self, prompt: Measured, room: Room) -> int:
        """Tokens of the prompt and all answers together at most."""
        return min(prompt.most, room.context_length * prompt.prompts) + self.tokens(room, prompt=prompt.least)


async def reserve(limiter: Limiter, caller: Caller, room: Room, *, prompt: Measured, answers: Answers) -> Grant:
    """Reserve the worst case of a request. Raises RateLimited.

    As long as a limit has room for the bound of a prompt by its bytes, nothing is counted. Where it has not, but may
    have for the true count, the engine counts, while the request holds what it needs at the least: nobody is refused
    for tokens that are not there, and nobody makes the engine count for a request that is refused anyway.
    """
    model = room.endpoint.model
    most = min(prompt.most, room.context_length * prompt.prompts)
    worst = _worst(room.endpoint, most, answers.tokens(room, prompt=prompt.least))
    try:
        return await limiter.admit(caller, model, worst)
    except RateLimited as error:
        if prompt.least >= most or error.limit in _WHATEVER_THE_PROMPT:
            raise
    best = _worst(room.endpoint, prompt.least, answers.tokens(room, prompt=most))
    held = await limiter.admit(caller, model, best)
    try:
        counted = await prompt.count()
    finally:
        held.settle(None)
    worst = _worst(room.endpoint, counted, answers.tokens(room, prompt=counted))
    return await limiter.admit(caller, model, worst)


def _worst(endpoint: Endpoint, input_tokens: int, output_tokens: int) -> Worst:
    price = endpoint.price
    dearest = max(price.input, price.cached_input)
    return Worst(input_tokens, output_tokens, input_tokens * dearest + output_tokens * price.output)
