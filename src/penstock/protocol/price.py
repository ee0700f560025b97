"""What tokens cost."""

from msgspec import Struct

from penstock.protocol.answer import Usage

PICOS = 10**12
"""Picos in one unit of the currency: money is counted in whole ones, so that sums are exact."""


class Price(Struct, frozen=True):
    """Picos for one token. A price of 0.35 for a million tokens is 350,000 picos for each."""

    input: int = 0
    cached_input: int = 0
    """Of a token of the prompt that the engine had read before."""
    output: int = 0

    def cost(self, usage: Usage) -> int:
        """The picos for one request."""
        cached = usage.prompt_tokens_details.cached_tokens
        fresh = usage.prompt_tokens - cached
        return fresh * self.input + cached * self.cached_input + usage.completion_tokens * self.output


def decimal(picos: int) -> str:
    """An amount of the currency with all its digits and no more: `0.00035`."""
    whole, rest = divmod(abs(picos), PICOS)
    return f"{'-' * (picos < 0)}{whole}.{rest:012d}".rstrip("0").rstrip(".")
