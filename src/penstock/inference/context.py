"""Whether a request fits the model, its context and its vocabulary, decided before anything runs.

Nothing is ever cut to fit.
"""

import msgspec

from penstock.engines.engine import Endpoint
from penstock.engines.relay import Relay
from penstock.errors import ContextLengthExceeded, InvalidRequest
from penstock.inference.embedding import most_tokens
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import DEFAULT_MAX_TOKENS, CompletionRequest, Prompt
from penstock.protocol.embeddings import EmbeddingRequest
from penstock.protocol.messages import AssistantMessage, Message, text_of
from penstock.protocol.sampling import SamplingRequest

_TEMPLATE_TOKENS = 256
_MESSAGE_TOKENS = 16
"""What a chat template adds, at most, for the whole and for each message."""
_TOOL_TEMPLATE_TOKENS = 1024
"""What a template says about tools, at most, beside their definitions."""
_CALL_TOKENS = 128
"""What the name of a function and a template's words around its call come to, at most."""
_EDGE_TOKENS = 4
"""What a tokenizer puts around a raw prompt, at most."""
_LONGEST_TOKEN_BYTES = 64
"""A prompt has a token for each message, and one for every so many bytes: vocabularies hold no longer ones in
practice."""


def bounded(request: ChatRequest, endpoint: Endpoint) -> ChatRequest:
    """The request with the model's own bound of an answer, where it has one and the request names none."""
    if request.output_limit is not None or endpoint.max_output >= endpoint.context_length:
        return request
    return msgspec.structs.replace(request, max_completion_tokens=endpoint.max_output)


async def check(request: ChatRequest, endpoint: Endpoint, relay: Relay) -> None:
    """Raises InvalidRequest or ContextLengthExceeded where prompt and answer cannot fit, or a biased token is none.

    A token is a byte at least, so most requests are seen to fit without a question to the engine; the others are
    counted by it, except those that are beyond all doubt too long.
    """
    _check_bias(request, endpoint)
    name = "max_completion_tokens" if request.max_completion_tokens else "max_tokens"
    wanted = _wanted(request.output_limit, endpoint, param=name)
    most = _prompt_size(request) + _TEMPLATE_TOKENS + _MESSAGE_TOKENS * len(request.messages)
    if most + wanted <= endpoint.context_length:
        return
    prompt = await count(request, endpoint, relay)
    if prompt + wanted > endpoint.context_length:
        raise ContextLengthExceeded(
            endpoint.context_length, prompt=prompt, output=request.output_limit, param="messages"
        )


async def count(request: ChatRequest, endpoint: Endpoint, relay: Relay) -> int:
    """The tokens of the prompt, counted by the engine; raises ContextLengthExceeded where nothing needs counting."""
    least = _prompt_size(request) // _LONGEST_TOKEN_BYTES + len(request.messages)
    if least > endpoint.context_length:
        raise ContextLengthExceeded(
            endpoint.context_length, prompt=f"at least {least}", output=request.output_limit, param="messages"
        )
    return await relay.count_prompt(request, endpoint)


def bounded_completion(request: CompletionRequest, endpoint: Endpoint) -> CompletionRequest:
    """The request with the bound that holds where it names none: OpenAI's, or the model's own if that is less."""
    if request.output_limit is not None:
        return request
    return msgspec.structs.replace(request, max_tokens=min(DEFAULT_MAX_TOKENS, endpoint.max_output))


async def check_completion(request: CompletionRequest, endpoint: Endpoint, relay: Relay) -> None:
    """The same for raw prompts, each of which has to fit with its answer."""
    _check_bias(request, endpoint)
    wanted = _wanted(request.output_limit, endpoint, param="max_tokens")
    for at, prompt in enumerate(request.prompts):
        param = "prompt" if len(request.prompts) == 1 else f"prompt[{at}]"
        await _check_prompt(prompt, wanted, endpoint, relay, param=param)


async def check_inputs(request: EmbeddingRequest, endpoint: Endpoint, relay: Relay) -> None:
    """Raises InvalidRequest or ContextLengthExceeded where one of the inputs does not fit the context."""
    for at, each in enumerate(request.inputs):
        await _check_prompt(each, 0, endpoint, relay, param="input" if len(request.inputs) == 1 else f"input[{at}]")


async def _check_prompt(prompt: Prompt, wanted: int, endpoint: Endpoint, relay: Relay, *, param: str) -> None:
    room, size = endpoint.context_length - wanted, most_tokens(prompt)
    if isinstance(prompt, list):
        _check_tokens(prompt, endpoint, param=param)
        if size > room:
            raise ContextLengthExceeded(endpoint.context_length, prompt=size, output=wanted, param=param)
        return
    if size + _EDGE_TOKENS <= room:
        return
    if size // _LONGEST_TOKEN_BYTES > endpoint.context_length:
        raise ContextLengthExceeded(
            endpoint.context_length, prompt=f"at least {size // _LONGEST_TOKEN_BYTES}", output=wanted, param=param
        )
    if (tokens := await relay.count_text(prompt, endpoint)) > room:
        raise ContextLengthExceeded(endpoint.context_length, prompt=tokens, output=wanted, param=param)


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


def _wanted(output: int | None, endpoint: Endpoint, *, param: str) -> int:
    """How many tokens of answer there has to be room for."""
    if output is not None and output > endpoint.max_output:
        message = f"{param} is {output}; this model gives {endpoint.max_output} tokens at most."
        raise InvalidRequest(message, param=param)
    return output or 1


def _prompt_size(request: ChatRequest) -> int:
    """Bytes of all that becomes the prompt, at most."""
    size = sum(map(_size, request.messages))
    if request.tools:
        size += len(msgspec.json.encode(request.tools)) + _TOOL_TEMPLATE_TOKENS
    return size


def _size(message: Message) -> int:
    """Bytes of a message's text, its calls included."""
    size = len(text_of(message.content).encode())
    if isinstance(message, AssistantMessage):
        size += len((message.reasoning_content or message.reasoning or "").encode())
        size += sum(len(call.function.arguments.encode()) + _CALL_TOKENS for call in message.tool_calls or [])
    return size
