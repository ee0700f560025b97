"""Which requests begin alike, so that an engine's cache of prefixes works where they run one after the other."""

from hashlib import blake2b
from typing import Any

import msgspec

_BITS = 21
_START_CHARACTERS = 256
"""Of the last message: where the same instructions stand in front of each question, or the same text to work on."""


def prefix_of(body: dict[str, Any]) -> int:
    """A number of 63 bits; the more of their beginning two bodies share, the nearer they are when ordered by it.

    It has three parts of 21 bits, each the hash of a longer beginning of what the engine reads: the tools and the first
    message; the tools and every message but the last; that and the first 256 characters of the last message. A raw
    prompt, or the input of an embedding, counts as the last message. Equal numbers mean that all three are equal, or
    that hashes collide, which does no harm.
    """
    messages = body.get("messages")
    if isinstance(messages, list) and messages:
        *before, last = messages
    else:
        before, last = [], body.get("prompt", body.get("input"))
    # Each hash is of a longer beginning.
    hashing = blake2b(msgspec.json.encode(body.get("tools")), digest_size=4)
    number = 0
    for part in (before[:1], before[1:], _start(last)):
        hashing.update(msgspec.json.encode(part))
        number = number << _BITS | int.from_bytes(hashing.digest(), "big") >> (32 - _BITS)
    return number


def _start(last: Any) -> Any:
    """What it begins with: of a message, its text; of several texts or parts, the first."""
    if isinstance(last, dict):
        last = last.get("content")
    if isinstance(last, list):
        last = last[0] if last else None
    if isinstance(last, dict):
        last = last.get("text")
    return last[:_START_CHARACTERS] if isinstance(last, str) else None
