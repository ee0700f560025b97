"""Embeddings without a model: each word is a direction, made from its hash; a text is the sum of its words.

So the same text has the same vector everywhere, and texts that share words are nearer than texts that share none.
"""

import math
import struct
from hashlib import blake2b

DIMENSIONS = 64


def vector_of(text: str) -> list[float]:
    """The embedding of a text, of length 1."""
    words = text.lower().split() or [text]
    directions = [blake2b(word.encode(), digest_size=DIMENSIONS).digest() for word in words]
    total = [sum(byte - 127.5 for byte in column) for column in zip(*directions, strict=True)]
    length = math.hypot(*total)
    return [number / length for number in total]


def float32(vector: list[float]) -> bytes:
    """The vector as little-endian float32, which JSON then has in base64."""
    return struct.pack(f"<{len(vector)}f", *vector)
