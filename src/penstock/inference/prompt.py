"""How many tokens a prompt has: bounds that cost nothing, and the engine's own count where they are not enough."""

from typing import Protocol

import msgspec

from penstock.engines.engine import Endpoint
from penstock.engines.relay import Relay
from penstock.inference.embedding import most_tokens
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import Prompt
from penstock.protocol.messages import AssistantMessage, Message, text_of

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


class Measured(Protocol):
    """All that an engine reads for one request."""

    prompts: int
    """How many there are, each with a context of its own."""

    @property
    def least(self) -> int:
        """Tokens that it has beyond all doubt."""

    @property
    def most(self) -> int:
        """Tokens that it has at most: a token is a byte at least. The same as `least` once they are counted."""

    async def count(self) -> int:
        """The tokens as the engine counts them; it is asked once. Raises EngineError or ServerOverloaded."""


class ChatPrompt:
    """The prompt of a chat."""

    prompts = 1

    def __init__(self, request: ChatRequest, endpoint: Endpoint, relay: Relay) -> None:
        size = _prompt_size(request)
        self.least = size // _LONGEST_TOKEN_BYTES + len(request.messages)
        self.most = size + _TEMPLATE_TOKENS + _MESSAGE_TOKENS * len(request.messages)
        self._request = request
        self._endpoint = endpoint
        self._relay = relay
        self._counted = False

    async def count(self) -> int:
        if not self._counted:
            self.least = self.most = await self._relay.count_prompt(self._request, self._endpoint)
            self._counted = True
        return self.most


class TextPrompt:
    """One raw prompt, or one input of embeddings."""

    prompts = 1

    def __init__(self, prompt: Prompt, endpoint: Endpoint, relay: Relay) -> None:
        self.given = prompt
        size = most_tokens(prompt)
        text = isinstance(prompt, str)
        self.least = size // _LONGEST_TOKEN_BYTES if text else size
        self.most = size + _EDGE_TOKENS if text else size
        self._endpoint = endpoint
        self._relay = relay
        self._counted = not text

    async def count(self) -> int:
        if not self._counted:
            assert isinstance(self.given, str)
            self.least = self.most = await self._relay.count_text(self.given, self._endpoint)
            self._counted = True
        return self.most


class TextPrompts:
    """All of them together."""

    def __init__(self, given: list[Prompt], endpoint: Endpoint, relay: Relay) -> None:
        self.each = [TextPrompt(prompt, endpoint, relay) for prompt in given]
        self.prompts = len(given)

    @property
    def least(self) -> int:
        return sum(prompt.least for prompt in self.each)

    @property
    def most(self) -> int:
        return sum(prompt.most for prompt in self.each)

    async def count(self) -> int:
        return sum([await prompt.count() for prompt in self.each])


def _prompt_size(request: ChatRequest) -> int:
    """Bytes of all that becomes the prompt, at most."""
    size = sum(map(_size, request.messages))
    if request.tools:
        size += len(msgspec.json.encode(request.tools)) + _TOOL_TEMPLATE_TOKENS
    return size


def _size(message: Message) -> int:
    """Bytes of a message's text, its calls included."""
    content = message.content
    size = _utf8_size(content if isinstance(content, str) else text_of(content))
    if isinstance(message, AssistantMessage):
        if reasoning := message.reasoning_content or message.reasoning:
            size += _utf8_size(reasoning)
        if message.tool_calls:
            size += sum([_utf8_size(call.function.arguments) + _CALL_TOKENS for call in message.tool_calls])
    return size


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
