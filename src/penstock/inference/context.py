"""Whether a request fits: the model's context and vocabulary, and the bounds of the caller's plan.

Nothing is ever cut to fit. Each kind of request is checked twice: for what is plain at once, before anything is
reserved for it, and for what perhaps only the engine can count.
"""

import msgspec

from penstock.engines.engine import Endpoint
from penstock.errors import ContextLengthExceeded, InvalidRequest
from penstock.inference.prompt import ChatPrompt, Measured, TextPrompt, TextPrompts
from penstock.inference.room import Room
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import DEFAULT_MAX_TOKENS, CompletionRequest
from penstock.protocol.sampling import SamplingRequest


def check(request: ChatRequest, prompt: ChatPrompt, room: Room) -> None:
    """Raises InvalidRequest or ContextLengthExceeded where prompt and answer plainly cannot fit, or a biased token is
    none."""
    _check_bias(request, room.endpoint)
    name = "max_completion_tokens" if request.max_completion_tokens else "max_tokens"
    _check_output(request.output_limit, room, param=name)
    _check_least(prompt, room, output=request.output_limit, param="messages")


async def fitted(request: ChatRequest, prompt: ChatPrompt, room: Room) -> ChatRequest:
    """The request with the bound of its answer, where there is one and it names none itself.

    Most requests are seen to fit without a question to the engine; the others are counted by it. Raises
    ContextLengthExceeded where prompt and answer do not fit.
    """
    named = request.output_limit
    wanted = named or (min(room.max_output, room.context_length) if room.narrowed else 1)
    if prompt.most + wanted > room.context_length:
        tokens = await prompt.count()
        if tokens + (named or 1) > room.context_length:
            raise _exceeded(room, prompt=tokens, output=named, param="messages")
    if named is not None or not (room.narrowed or room.max_output < room.context_length):
        return request
    most = min(room.max_output, room.context_length - prompt.most) if room.narrowed else room.max_output
    return msgspec.structs.replace(request, max_completion_tokens=most)


async def count(prompt: ChatPrompt, endpoint: Endpoint) -> int:
    """The tokens of the prompt, counted by the engine; raises ContextLengthExceeded where nothing needs counting."""
    _check_least(prompt, Room(endpoint, endpoint.context_length, endpoint.max_output), output=None, param="messages")
    return await prompt.count()


def bounded_completion(request: CompletionRequest, room: Room) -> CompletionRequest:
    """The request with the bound that holds where it names none: OpenAI's, or the model's or the plan's if less."""
    if request.output_limit is not None:
        return request
    return msgspec.structs.replace(request, max_tokens=min(DEFAULT_MAX_TOKENS, room.max_output))


def check_completion(request: CompletionRequest, prompts: TextPrompts, room: Room) -> None:
    """The same as `check` for raw prompts, each of which has to fit with its answer."""
    _check_bias(request, room.endpoint)
    _check_output(request.output_limit, room, param="max_tokens")
    check_texts(prompts, room, output=request.output_limit or 1, name="prompt")


def check_texts(prompts: TextPrompts, room: Room, *, output: int, name: str) -> None:
    """The same for texts or tokens in the field `name`; raises what `check` does."""
    for prompt, param in _named(prompts, name):
        if isinstance(prompt.given, list):
            _check_tokens(prompt.given, room.endpoint, param=param)
            if prompt.most + output > room.context_length:
                raise _exceeded(room, prompt=prompt.most, output=output, param=param)
        _check_least(prompt, room, output=output, param=param)


async def fit_texts(prompts: TextPrompts, room: Room, *, output: int, name: str) -> None:
    """Raises ContextLengthExceeded where one of them does not fit with its answer; the engine counts where it must."""
    for prompt, param in _named(prompts, name):
        if prompt.most + output > room.context_length and (tokens := await prompt.count()) + output > (
            room.context_length
        ):
            raise _exceeded(room, prompt=tokens, output=output, param=param)


def _named(prompts: TextPrompts, name: str) -> list[tuple[TextPrompt, str]]:
    only = len(prompts.each) == 1
    return [(prompt, name if only else f"{name}[{at}]") for at, prompt in enumerate(prompts.each)]


def _check_least(prompt: Measured, room: Room, *, output: int | None, param: str) -> None:
    if prompt.least > room.context_length:
        raise _exceeded(room, prompt=f"at least {prompt.least}", output=output, param=param)


def _exceeded(room: Room, *, prompt: int | str, output: int | None, param: str) -> ContextLengthExceeded:
    return ContextLengthExceeded(
        room.context_length, prompt=prompt, output=output, param=param, whose=room.context_owner
    )


def _check_tokens(prompt: list[int], endpoint: Endpoint, *, param: str) -> None:
    vocabulary = endpoint.abilities.vocabulary
    if not vocabulary:
        raise InvalidRequest(f"{endpoint.model} takes text, not tokens.", code="unsupported_parameter", param=param)
    _check_known(max(prompt), vocabulary, param=param)


def _check_bias(request: SamplingRequest, endpoint: Endpoint) -> None:
    """An engine passes over tokens that it does not know; whoever sends them thinks of another model's."""
    if request.logit_bias and (vocabulary := endpoint.abilities.vocabulary):
        _check_known(max(map(int, request.logit_bias)), vocabulary, param="logit_bias")


def _check_known(token: int, vocabulary: int, *, param: str) -> None:
    if token >= vocabulary:
        message = f"{token} is no token of this model, whose tokens are 0 to {vocabulary - 1}."
        raise InvalidRequest(message, param=param)


def _check_output(output: int | None, room: Room, *, param: str) -> None:
    if output is not None and output > room.max_output:
        gives = f"{room.output_owner or 'this model'} gives {room.max_output} tokens at most"
        raise InvalidRequest(f"{param} is {output}; {gives}.", param=param)
