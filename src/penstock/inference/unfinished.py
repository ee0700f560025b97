"""What a line of a batch had written when it made way: it goes on from there, and nothing is computed twice.

The engine gets the text so far as the beginning of its answer. What it draws next depends on that text alone, so this
is the answer that it would have given; what depends on more begins anew. The engine finds most of it in its cache.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from penstock.engines.engine import Endpoint
from penstock.inference.form import Shaped
from penstock.protocol.answer import Usage
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import AssistantMessage


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The beginning of an answer."""

    text: str
    """As the engine gave it, before anything was read out of it."""
    usage: Usage
    """Of all tries so far together, each token counted once."""


def can_go_on(shaped: Shaped, endpoint: Endpoint) -> bool:
    """Whether an answer to the request can be gone on with: it is one text, and its text is all that it depends on."""
    request = shaped.request
    return (
        endpoint.abilities.goes_on
        and request.choices == 1
        and shaped.grammar is None
        and shaped.calls == "none"
        and request.seed is None
        and not request.logprobs
        and request.reasoning_effort is None
        and not isinstance(request.messages[-1], AssistantMessage)
    )


def gone_on(request: ChatRequest, unfinished: Unfinished) -> ChatRequest | None:
    """The request for what is missing; None where no token is."""
    limit = request.output_limit
    left = None if limit is None else limit - unfinished.usage.completion_tokens
    if left is not None and left < 1:
        return None
    messages = [*request.messages, AssistantMessage(content=unfinished.text)]
    return replace(request, messages=messages, max_tokens=None, max_completion_tokens=left)
