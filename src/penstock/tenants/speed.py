"""How fast an answer was written, where it is long enough to tell: the one rule for rows, sums, pages and the terminal.

What a few tokens took says more of the network's buffers than of the engine: they often come together, in no time.
"""

TELLING_STEPS = 8
"""Tokens after the first, which belongs to the time before it."""
TELLING_MS = 50.0
"""From the first token to the last, in milliseconds."""


def tokens_per_second(tokens: int, decode_ms: float | None) -> float | None:
    """The rate after the first token of an answer with so many `tokens`; None where it is too short to tell."""
    steps = tokens - 1
    if decode_ms is None or steps < TELLING_STEPS or decode_ms < TELLING_MS:
        return None
    return steps * 1000 / decode_ms
