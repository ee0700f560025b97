"""Bounds of a prompt's tokens that need no engine."""

import msgspec
import pytest

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.engines.relay import Relay
from penstock.inference.prompt import ChatPrompt
from penstock.protocol.chat import ChatRequest


def most_of(*contents: str) -> int:
    messages = [{"role": "user", "content": content} for content in contents]
    asked = msgspec.convert({"model": "m", "messages": messages}, ChatRequest)
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=64), 4, 64, 64)
    return ChatPrompt(asked, endpoint, Relay(stall_seconds=30.0)).most


@pytest.mark.parametrize("text", ["a", "é", "漢", "🙂", "\0", "\ue000 and ASCII"], ids=ascii)
@pytest.mark.parametrize("times", [1, 7, 8, 15, 16, 31, 32, 63, 127, 128, 255, 256, 21_845, 21_846, 32_768, 65_536])
def test_a_prompt_has_a_token_for_each_byte_at_most(text: str, times: int) -> None:
    nothing = most_of("")
    assert most_of(times * text) - nothing == len((times * text).encode())
