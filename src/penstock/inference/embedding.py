"""The inputs of a request for embeddings, in portions that an engine reads at once; and the vectors that come back."""

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.protocol.completions import Prompt

MAX_PORTION_INPUTS = 64


@dataclass(frozen=True)
class Embedded:
    """One vector for each input, in their order, each in little-endian float32; and what was read."""

    model: str
    vectors: list[bytes]
    prompt_tokens: int


def most_tokens(prompt: Prompt) -> int:
    """How many tokens a prompt has at most, before what a tokenizer puts around it: a token is a byte at least."""
    return len(prompt) if isinstance(prompt, list) else len(prompt.encode())


def portions(inputs: list[Prompt], *, context_length: int) -> Iterator[list[Prompt]]:
    """The inputs, divided so that a portion is never more work than one input that fills the context.

    A long request waits for its turn with each portion anew, so it never holds up shorter ones for long.
    """
    portion: list[Prompt] = []
    size = 0
    for each in inputs:
        tokens = most_tokens(each)
        if portion and (size + tokens > context_length or len(portion) == MAX_PORTION_INPUTS):
            yield portion
            portion, size = [], 0
        portion.append(each)
        size += tokens
    yield portion
